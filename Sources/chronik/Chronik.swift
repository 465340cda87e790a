import Host

@main
struct Chronik {
  static func main() async { await ChronikCommand.main() }
}
