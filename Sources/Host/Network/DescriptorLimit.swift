import CHostSupport
import Configuration
import Logging

/// How many files and sockets the process may have open, and how many of them connections may be.
struct DescriptorLimit {
  let descriptors: Int

  /// Raises the limit of the process as far as it may without privileges (the hard limit).
  static func raise() -> DescriptorLimit {
    DescriptorLimit(descriptors: Int(clamping: chostsupport_raise_descriptor_limit()))
  }

  /// Connections that leave enough descriptors to the tiers; see ``NetworkLimits/descriptorReserveMin``.
  var connectionsMax: Int {
    let reserve = max(NetworkLimits.descriptorReserveMin, descriptors / NetworkLimits.descriptorReserveShare)
    return max(1, descriptors - reserve)
  }

  /// Says how to get all connections of `network.max_connections` when there are fewer descriptors.
  func warn(wanted: Int, logger: Logger) {
    guard wanted > connectionsMax else { return }
    logger.warning(
      """
      network.max_connections is more than the open file limit allows; fewer connections will be accepted. Raise the \
      hard limit (ulimit -Hn, LimitNOFILE=) or lower the setting
      """,
      metadata: [
        "network.max_connections": "\(wanted)", "open_file_limit": "\(descriptors)", "connections": "\(connectionsMax)",
      ])
  }
}
