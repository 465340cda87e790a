import CLibCrypto
import Glibc

/// Certificates made for one test, as PEM files in a directory of their own.
final class CertificateAuthority {
  private let scratch = ScratchDirectory()
  private let name: String
  private let key: OpaquePointer
  private let certificate: OpaquePointer
  private var count = 0

  init(_ name: String) {
    self.name = name
    key = Self.makeKey()
    certificate = Self.make(
      subject: name, issuer: name, key: key, signedWith: key, extensions: [(NID_basic_constraints, "critical,CA:TRUE")],
      validSeconds: -3_600...86_400)
  }

  deinit {
    X509_free(certificate)
    EVP_PKEY_free(key)
  }

  /// The file that a client trusts.
  var file: String { write("authority.pem", [certificate], nil) }

  /// A file with a server's certificate and its key. `names` as "DNS:a,IP:127.0.0.1"; the times are relative to now.
  func server(_ names: String, validSeconds: ClosedRange<Int> = -3_600...86_400) -> String {
    let serverKey = Self.makeKey()
    let made = Self.make(
      subject: "server", issuer: name, key: serverKey, signedWith: key, extensions: [(NID_subject_alt_name, names)],
      validSeconds: validSeconds)
    defer {
      X509_free(made)
      EVP_PKEY_free(serverKey)
    }
    count += 1
    return write("server\(count).pem", [made], serverKey)
  }

  private static func makeKey() -> OpaquePointer {
    let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    precondition(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_keygen(context, &key) == 1)
    return key!
  }

  private static func make(
    subject: String, issuer: String, key: OpaquePointer, signedWith signer: OpaquePointer,
    extensions: [(Int32, String)], validSeconds: ClosedRange<Int>
  ) -> OpaquePointer {
    let made = X509_new()!
    X509_set_version(made, 2)
    ASN1_INTEGER_set(X509_get_serialNumber(made), Int.random(in: 1...1_000_000_000))
    X509_gmtime_adj(X509_getm_notBefore(made), validSeconds.lowerBound)
    X509_gmtime_adj(X509_getm_notAfter(made), validSeconds.upperBound)
    for (field, text) in [(X509_get_subject_name(made), subject), (X509_get_issuer_name(made), issuer)] {
      X509_NAME_add_entry_by_txt(field, "CN", MBSTRING_FLAG | 1, text, -1, -1, 0)
    }
    X509_set_pubkey(made, key)
    for (id, value) in extensions {
      let found = X509V3_EXT_conf_nid(nil, nil, id, value)
      precondition(found != nil && X509_add_ext(made, found, -1) == 1, "the extension '\(value)' is none")
      X509_EXTENSION_free(found)
    }
    precondition(X509_sign(made, signer, nil) > 0)
    return made
  }

  private func write(_ name: String, _ certificates: [OpaquePointer], _ key: OpaquePointer?) -> String {
    let path = "\(scratch.path)/\(name)"
    let file = BIO_new_file(path, "w")
    defer { BIO_free(file) }
    for certificate in certificates { precondition(PEM_write_bio_X509(file, certificate) == 1) }
    if let key { precondition(PEM_write_bio_PrivateKey(file, key, nil, nil, 0, nil, nil) == 1) }
    return path
  }
}
