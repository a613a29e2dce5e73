//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The rate at which a client has to send the content of a request, in proportion to what it announced.
public struct ContentRate: Hashable, Sendable {
  /// The octets a second that every client has to send: 512.
  public var minimum = 512
  /// How long announced content may take: 10 min. What is announced, divided by that, is the rate that a client has to keep.
  public var maximumTime = Duration.seconds(600)
  /// The octets a second that are enough, however much was announced: 16 KiB.
  public var sufficient = 16 << 10

  /// The defaults.
  public init() {}

  /// The octets a second that a client has to send.
  ///
  /// - Parameter length: What the client has announced; nil when it announced nothing (chunked).
  func required(for length: Int?) -> Int {
    let minimum = max(1, minimum)
    guard let length, maximumTime > .zero else { return minimum }
    let rate = Double(length) / (maximumTime / .seconds(1))
    return Int(min(Double(max(minimum, sufficient)), max(Double(minimum), rate)))
  }
}
