//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The client that connections and shares are counted for: an IPv4 address, or the first 64 bits of an IPv6 address
/// (``IPAddress/clientNetwork``).
struct ClientAddress: Hashable, Sendable {
  private let network: IPAddress?
  private let isNobody: Bool

  /// The client of requests that no connection brought: those that the cache makes by itself.
  static let none = ClientAddress(network: nil, isNobody: true)

  init(_ address: IPAddress) { self.init(network: address.clientNetwork, isNobody: false) }

  /// The client at `host`, an address without brackets. Everything that is not an address counts as one client.
  init(_ host: String) {
    // A link-local address may come with the name of an interface (RFC 4007 §11).
    self.init(network: IPAddress(host.prefix { $0 != "%" })?.clientNetwork, isNobody: false)
  }

  private init(network: IPAddress?, isNobody: Bool) {
    self.network = network
    self.isNobody = isNobody
  }
}
