import TierAPI

/// What a call returned, and the sentence that came with it.
struct Reply: Sendable {
  var status: chronik_status
  var message: String

  var isOK: Bool { status == CHRONIK_OK }
  var text: String { message.isEmpty ? name(of: status) : "\(name(of: status)) (\(message))" }
}

/// The name that `status.h` gives a number.
func name(of status: chronik_status) -> String {
  let names = [
    "OK", "MISS", "WOULD_BLOCK", "RETRIABLE", "THROTTLED", "NOT_FOUND", "CORRUPT", "FENCED", "NO_SPACE", "CANCELLED",
    "INVALID_CONFIG", "PERMANENT",
  ]
  return names.indices.contains(Int(status)) ? names[Int(status)] : "the unknown status \(status)"
}

/// Makes one C call with a message buffer of `capacity` bytes between guard bytes and checks what every call owes: a
/// known status, a message of valid UTF-8 within the capacity, none with OK.
func call(
  _ function: String, capacity: Int = 512, _ body: (UnsafeMutablePointer<chronik_message>) -> chronik_status
) throws(RuleEnd) -> Reply {
  let guardBytes = 64
  let guardValue: UInt8 = 0xA5
  let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity + 2 * guardBytes)
  defer { buffer.deallocate() }
  buffer.initialize(repeating: guardValue, count: capacity + 2 * guardBytes)
  let text = UnsafeMutableRawPointer(buffer + guardBytes).assumingMemoryBound(to: CChar.self)
  var message = chronik_message(text: text, capacity: capacity, length: 0)
  let status = body(&message)
  let before = UnsafeBufferPointer(start: buffer, count: guardBytes)
  let after = UnsafeBufferPointer(start: buffer + guardBytes + capacity, count: guardBytes)
  try expect(
    before.allSatisfy { $0 == guardValue } && after.allSatisfy { $0 == guardValue },
    "\(function) wrote outside the message buffer of \(capacity) bytes")
  try expect(
    message.length <= capacity, "\(function) set a message length of \(message.length) in a buffer of \(capacity)")
  try expect(
    message.text == text && message.capacity == capacity, "\(function) changed the text pointer or the capacity")
  try expect(
    status >= CHRONIK_OK && status <= CHRONIK_PERMANENT, "\(function) returned \(name(of: status))")
  try expect(status != CHRONIK_OK || message.length == 0, "\(function) returned OK and wrote a message")
  let bytes = UnsafeBufferPointer(start: buffer + guardBytes, count: message.length)
  guard let sentence = String(validating: bytes, as: UTF8.self) else {
    throw .broken("\(function) wrote a message that is not UTF-8")
  }
  return Reply(status: status, message: sentence)
}

/// A call that has to end with OK.
func callOK(_ function: String, _ body: (UnsafeMutablePointer<chronik_message>) -> chronik_status) throws(RuleEnd) {
  let reply = try call(function, body)
  try expect(reply.isOK, "\(function) returned \(reply.text)")
}
