/// What an open partition remembers between imports.
struct ImportState {
  /// True while the store may have objects of this partition that the index does not know: those of an earlier run that
  /// ended between the upload and its record, or of an upload whose answer was lost.
  var mayHaveUnknownObjects = true
}
