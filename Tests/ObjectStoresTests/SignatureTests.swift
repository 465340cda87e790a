@testable import ObjectStores
import Testing

/// AWS's published examples.
@Suite struct SignatureTests {
  /// "Signature Calculations for the Authorization Header", S3 API reference: one example per row.
  struct Example: Sendable {
    var method: String
    var path = "/"
    var query: [(String, String)] = []
    var headers: [(String, String)] = []
    var payload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    var signature: String
  }

  static let examples = [
    Example(
      method: "GET", path: "/test.txt", headers: [("Range", "bytes=0-9")],
      signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    Example(
      method: "PUT", path: "/test%24file.text",
      headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
      payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
      signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    Example(
      method: "GET", query: [("lifecycle", "")],
      signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    Example(
      method: "GET", query: [("prefix", "J"), ("max-keys", "2")],
      signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
  ]

  @Test(arguments: examples) func requestsToS3AreSignedAsInItsManual(example: Example) {
    let signer = Signature(
      credentials: Credentials(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
      region: "us-east-1", time: 1_369_353_600_000)
    let headers =
      example.headers + [
        ("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-date", "20130524T000000Z"),
        ("x-amz-content-sha256", example.payload),
      ]
    let value = signer.authorization(
      method: example.method, path: example.path, query: example.query, headers: headers, payloadHash: example.payload)
    #expect(value.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"))
    #expect(value.hasSuffix("Signature=\(example.signature)"))
  }

  /// From the SigV4 test suite: get-vanilla, post-vanilla, get-vanilla-query-order-key-case.
  @Test(arguments: [
    ("GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ("POST", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ("GET", "Param2 Param1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
  ]) func theTestSuiteOfTheSignatureIsReproduced(method: String, names: String, signature: String) {
    let signer = Signature(
      credentials: Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
      region: "us-east-1", service: "service", time: 1_440_938_160_000)
    let query = names.split(separator: " ").map { (String($0), "value\($0.last!)") }
    let value = signer.authorization(
      method: method, path: "/", query: query,
      headers: [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")],
      payloadHash: S3Request.emptyHash)
    #expect(value.hasSuffix("Signature=\(signature)"))
  }

  /// From the same suite, those whose paths are taken as they are, as S3 takes them: get-utf8, get-space, get-slashes,
  /// get-slash-pointless-dot and get-unreserved; and with names of a query: get-vanilla-utf8-query and
  /// get-vanilla-query-order-encoded.
  @Test(arguments: [
    ("/ሴ", "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    ("/example space/", "", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
    ("//example//", "", "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"),
    ("/./example", "", "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff"),
    (
      "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "",
      "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"
    ),
    ("/", "ሴ=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
    (
      "/", "Param-3=Value3 Param=Value2 ሴ=Value1", "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"
    ),
  ]) func pathsAndQueriesOfAnyCharactersAreSignedAsInTheTestSuite(path: String, query: String, signature: String) {
    let signer = Signature(
      credentials: Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
      region: "us-east-1", service: "service", time: 1_440_938_160_000)
    let pairs = query.split(separator: " ").map { $0.split(separator: "=").map(String.init) }.map { ($0[0], $0[1]) }
    let value = signer.authorization(
      method: "GET", path: Signature.encoded(path, keepingSlashes: true), query: pairs,
      headers: [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")],
      payloadHash: S3Request.emptyHash)
    #expect(value.hasSuffix("Signature=\(signature)"))
  }

  /// The suite's post-sts-header-before: the token is one of the signed headers.
  @Test func aSessionTokenIsSigned() {
    let token = """
      AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx\
      7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6\
      d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==
      """
    let signer = Signature(
      credentials: Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
      region: "us-east-1", service: "service", time: 1_440_938_160_000)
    let value = signer.authorization(
      method: "POST", path: "/", query: [],
      headers: [
        ("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z"), ("X-Amz-Security-Token", token),
      ], payloadHash: S3Request.emptyHash)
    #expect(value.hasSuffix("Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"))
  }

  @Test func namesAreEncodedAsRFC3986Says() {
    #expect(Signature.encoded("a b/ä+~*=%") == "a%20b%2F%C3%A4%2B~%2A%3D%25")
    #expect(Signature.encoded("a b/c", keepingSlashes: true) == "a%20b/c")
  }

  /// RFC 1321, RFC 4231 (case 2) and FIPS 180.
  @Test func digestsAreThePublishedOnes() {
    #expect(withStableBytes(Array("abc".utf8)) { Digest.hex(Digest.md5([$0])!) } == "900150983cd24fb0d6963f7d28e17f72")
    #expect(
      Digest.hex(Digest.sha256(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    #expect(
      Digest.hex(Digest.hmacSHA256(Array("Jefe".utf8), "what do ya want for nothing?"))
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    #expect(Digest.base64(Array("foob".utf8)) == "Zm9vYg==")
  }
}
