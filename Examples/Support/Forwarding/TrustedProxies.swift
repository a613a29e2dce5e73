//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The neighbours that are believed when they tell for whom they forward a request.
public struct TrustedProxies: Hashable, Sendable, CustomStringConvertible {
  /// Nobody.
  public static let none = TrustedProxies(ranges: [])
  /// Processes of the same machine, over TCP.
  public static let loopback = TrustedProxies(ranges: loopbackRanges)

  private var ranges: [AddressRange]
  /// Whether peers without an IP address, which come through a socket of the file system, are among them.
  private var includesUnix = false
  private var text: [String] = []

  private init(ranges: [AddressRange]) { self.ranges = ranges }

  private static let loopbackRanges: [AddressRange] = ["127.0.0.0/8", "::1"].compactMap { try? AddressRange($0) }

  /// Trusted proxies from a list: addresses, ranges of addresses (`10.0.0.0/8`), `loopback`, `unix`; separated by commas.
  ///
  /// - Throws: ``InvalidAddressError`` when something in the list is none of them.
  public init(_ text: some StringProtocol) throws(InvalidAddressError) {
    self.init(ranges: [])
    for element in text.split(separator: ",", omittingEmptySubsequences: false) {
      switch element {
      case "loopback": ranges += Self.loopbackRanges
      case "unix": includesUnix = true
      default: ranges.append(try AddressRange(element))
      }
      self.text.append(String(element))
    }
  }

  /// Whether nobody is trusted.
  public var isEmpty: Bool { ranges.isEmpty && !includesUnix }

  /// Whether `address` is that of a trusted proxy.
  public func contains(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }

  /// Whether the peer `host`, an address or anything else for a peer that has none, is a trusted proxy.
  func contains(peer host: String) -> Bool {
    guard let address = IPAddress(host) else { return includesUnix }
    return contains(address)
  }

  /// The list as it was written.
  public var description: String {
    text.isEmpty ? ranges.map(\.description).joined(separator: ",") : text.joined(separator: ",")
  }
}

extension OptionKind where Value == TrustedProxies {
  /// Addresses and ranges of addresses: `10.0.0.0/8,2001:db8::1,loopback,unix`.
  public static var trustedProxies: OptionKind {
    OptionKind(
      parse: { text, name throws(CommandLineError) in
        do throws(InvalidAddressError) {
          return try TrustedProxies(text)
        } catch {
          throw CommandLineError("--\(name): \(error)")
        }
      }, describe: { $0.isEmpty ? "none" : $0.description })
  }
}
