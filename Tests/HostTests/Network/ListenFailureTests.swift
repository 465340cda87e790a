import Configuration
import Glibc
import NIOCore
import Testing

@testable import Host

/// What is said when an address cannot be had: it is read by somebody who starts a broker for the first time.
@Suite struct ListenFailureTests {
  private let endpoint = Endpoint(host: "127.0.0.1", port: 80)

  @Test(arguments: [
    (EADDRINUSE, "Address already in use; stop what uses it"),
    (EADDRNOTAVAIL, "Cannot assign requested address; name one of this machine"),
    (EACCES, "Permission denied; ports below 1024 need a privilege: grant it"),
    (ENETDOWN, "Network is down; change that"),
  ])
  func everyCauseHasItsOwnAdviceAndNothingOfTheLibrary(code: Int32, reason: String) {
    let error = IOError(errnoCode: code, reason: "bind(descriptor:ptr:bytes:)")
    #expect(
      "\(ListenFailure(.kafka, endpoint, error))"
        == "cannot listen on 127.0.0.1:80: \(reason), or choose another address with --listen")
    #expect(
      "\(ListenFailure(.http, endpoint, error))"
        == "cannot listen on 127.0.0.1:80 for HTTP: \(reason), or choose another address with --http-listen (off for none)"
    )
  }
}
