import TierKit

extension HostServices {
  /// The store that the deployment chose for this instance.
  var archiveStore: (any ObjectStore)? { nil }
}
