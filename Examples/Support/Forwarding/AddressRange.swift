//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The addresses that begin with the same bits: `10.0.0.0/8`.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
  private let base: IPAddress
  private let length: Int

  /// A range from `ADDRESS/BITS`, or a single address from `ADDRESS`.
  ///
  /// - Throws: ``InvalidAddressError`` when `text` is neither, or when the address has bits set behind the first BITS, which
  ///   usually is a slip.
  public init(_ text: some StringProtocol) throws(InvalidAddressError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let address = parts.first.flatMap({ IPAddress($0) }), parts.count <= 2 else {
      throw InvalidAddressError(
        text: String(text), reason: "is no address; write 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32")
    }
    // The text tells: `::ffff:0:0/96` counts the bits of IPv6.
    let width = text.contains(":") ? 128 : 32
    var length = width
    if parts.count == 2 {
      var digits = String(parts[1])
      guard let number = digits.withUTF8({ UnsafeRawBufferPointer($0).decimal }), String(number) == parts[1],
        number <= width
      else {
        throw InvalidAddressError(text: String(text), reason: "has no number of bits from 0 to \(width) behind /")
      }
      length = number
    }
    self.init(base: address, length: length + 128 - width)
    guard masked(address) == address else {
      throw InvalidAddressError(
        text: String(text),
        reason: "has bits set behind the first \(length); did you mean \(masked(address))/\(length)?")
    }
  }

  private init(base: IPAddress, length: Int) {
    self.base = base
    self.length = length
  }

  /// Whether `address` is one of the range. IPv4 addresses are in no range of IPv6 but those of mapped addresses.
  public func contains(_ address: IPAddress) -> Bool {
    (length >= 96 || !address.isIPv4) && masked(address) == base
  }

  private func masked(_ address: IPAddress) -> IPAddress {
    IPAddress(
      high: address.high & Self.mask(length), low: address.low & Self.mask(length - 64))
  }

  /// A number whose first `count` bits are set; `count` may be beyond 0 to 64.
  private static func mask(_ count: Int) -> UInt64 {
    count >= 64 ? .max : count <= 0 ? 0 : ~(UInt64.max >> UInt64(count))
  }

  /// The range as it is written.
  public var description: String {
    guard length < 128 else { return base.description }
    return base.isIPv4 ? "\(base)/\(length - 96)" : "\(base)/\(length)"
  }
}
