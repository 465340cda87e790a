extension IndexBuilder {
  /// Calls `body` for every term in order with its documents and frequencies, which are valid during the call, then
  /// with the hashes of all keys. Ends the building: nothing can be added afterwards.
  mutating func finish(
    term body: (Term, UnsafePointer<UInt32>, UnsafePointer<UInt8>, Int) -> Void
  ) -> [UInt64] {
    table.dropSlots()
    let order = table.sorted()
    let hashes = keyHashes(order: order)
    let documents = RawArray<UInt32>(uninitializedCount: stream.count)
    let sortedFrequencies = RawArray<UInt8>(uninitializedCount: stream.count)
    sort(order, into: documents.base, sortedFrequencies.base)
    releaseStreams()
    var start = 0
    for number in order {
      let entry = table.entries.base[Int(number)]
      let count = Int(entry.documentFrequency)
      body(entry.term, documents.base + start, sortedFrequencies.base + start, count)
      start += count
    }
    return hashes
  }

  /// The counting sort: where each term's list starts follows from the frequencies; one walk over the stream then drops
  /// every posting into its place, ascending by document because the stream is.
  private func sort(
    _ order: [UInt32], into documents: UnsafeMutablePointer<UInt32>, _ sorted: UnsafeMutablePointer<UInt8>
  ) {
    let places = RawArray<UInt32>(uninitializedCount: table.entries.count)
    var start: UInt32 = 0
    for number in order {
      places.base[Int(number)] = start
      start += table.entries.base[Int(number)].documentFrequency
    }
    precondition(Int(start) == stream.count, "postings lost")
    let place = places.base
    let stream = self.stream.base
    let frequencies = self.frequencies.base
    var position = 0
    for document in 0..<documentEnds.count {
      let end = Int(documentEnds.base[document])
      while position < end {
        let number = Int(stream[position])
        let target = Int(place[number])
        place[number] += 1
        documents[target] = UInt32(truncatingIfNeeded: document)
        sorted[target] = frequencies[position]
        position += 1
      }
    }
  }
}
