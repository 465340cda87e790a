/// Every bound of the object stores, with its reason.
enum StoreLimits {
  /// What a call without a deadline gets: a multipart upload of an hour's segment over a slow link fits.
  static let defaultDeadlineNanoseconds: Int64 = 300 * 1_000_000_000
  /// How often a waiting call looks whether it was cancelled; the contract says a second.
  static let cancellationTickNanoseconds: Int64 = 100 * 1_000_000
  /// Bytes read or written between two looks at the deadline: a slow disk moves them in well under a second.
  static let transferByteCount = 1 << 20
  /// Bytes of a start_after, as of a key.
  static let startAfterByteCountMax = 1024

  // MARK: file
  /// Names of one directory held while it is listed. A directory with more is read again for the next ones.
  static let listedNamesMax = 8192
  /// How often a put makes its directory again when removals prune it in between; each round loses only to a removal
  /// that ended between two system calls.
  static let directoryAttemptsMax = 64
  /// Directories remembered as durable; when more, all are forgotten and synced once more.
  static let durableDirectoriesMax = 10_000
  /// A leftover younger than this may belong to a put that has not locked it yet.
  static let leftoverAgeMilliseconds: Int64 = 60_000

  // MARK: s3
  /// Bytes of an error answer that are looked at; S3's have a few hundred.
  static let errorBodyByteCountMax = 64 * 1024
  /// Bytes of a page of a listing: 1,000 keys of 1,024 bytes, each byte escaped as three, and what stands around them.
  static let listingBodyByteCountMax = 8 << 20
  /// Bytes of all headers of an answer that are kept.
  static let headerByteCountMax = 64 * 1024
  /// Text of one XML element; the longest is an escaped key.
  static let xmlTextByteCountMax = 16 * 1024
  static let xmlDepthMax = 16
  /// Entries of one directory, where a service lists directory by directory and each is put in order in memory.
  static let directoryEntriesMax = 1_000_000
  /// Keys of one DeleteObjects request and of one page; S3's own bound.
  static let keysPerRequestMax = 1000
  /// Parts of a multipart upload; S3's own bound.
  static let partsMax = 10_000
  /// Bytes of a credentials file; real ones have a few hundred.
  static let credentialsFileByteCountMax = 256 * 1024
  /// Multipart uploads and probes of ours that are older were left by a crash: no call lasts a day.
  static let abandonedMilliseconds: Int64 = 86_400_000
  /// Abandoned uploads aborted at one start; the next start goes on.
  static let abandonedUploadsMax = 1000
  /// Before their end, temporary credentials are fetched again so much earlier; services hand out new ones by then.
  static let credentialsMarginMilliseconds: Int64 = 300_000
  /// After a fetch of credentials that failed the old ones are used for so long before the next.
  static let credentialsRetryMilliseconds: Int64 = 15_000
  /// How long a credentials file is believed without a look.
  static let credentialsFileAgeMilliseconds: Int64 = 60_000
  /// One request for credentials; the services are on the same machine or in the same data centre.
  static let credentialsRequestMilliseconds: Int64 = 2_000
  /// Nobody has a metadata service's address outside of a cloud, and a start must not wait long to find out.
  static let credentialsConnectMilliseconds: Int64 = 1_000
  /// All requests of one fetch together: three of them, each once more after a time-out.
  static let credentialsFetchNanoseconds: Int64 = 12_000_000_000
  static let credentialsRetriesMax = 3
}
