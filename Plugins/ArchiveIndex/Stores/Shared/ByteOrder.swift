/// Order of keys: by bytes, as every store lists them. String's own order follows Unicode.
func precedes(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
  left.lexicographicallyPrecedes(right)
}
