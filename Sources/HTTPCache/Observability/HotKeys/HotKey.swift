//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One of the keys that a cache is asked for most, as ``CacheLayer/hotKeys(by:window:limit:)`` reports it.
public struct HotKey: Hashable, Sendable, Codable {
  /// The key as text (``CacheKey/text``), cut off after 112 octets.
  public var key: String
  /// The estimate: requests, bytes, seconds or misses, as asked for.
  public var value: Double
  /// No less than so much, but for one case in forty.
  public var lowerBound: Double
  /// No more than so much, but for one case in forty.
  public var upperBound: Double

  /// - Parameters: see the properties of the same names.
  public init(key: String, value: Double, lowerBound: Double, upperBound: Double) {
    self.key = key
    self.value = value
    self.lowerBound = lowerBound
    self.upperBound = upperBound
  }

  /// A quantity that keys are ranked by.
  public struct Measure: Hashable, Sendable, CustomStringConvertible {
    enum Kind: Int, CaseIterable {
      case requests, bytes, originTime, misses
    }

    let kind: Kind

    /// Requests answered, from the store or not.
    public static let requests = Measure(kind: .requests)
    /// Bytes of content in the responses, as far as their lengths were known when they began.
    public static let bytes = Measure(kind: .bytes)
    /// Seconds that requests have waited for the origin to begin its response.
    public static let originTime = Measure(kind: .originTime)
    /// Requests for which the origin was asked.
    public static let misses = Measure(kind: .misses)

    /// All of them.
    public static let all = Kind.allCases.map { Measure(kind: $0) }

    /// The measure's name.
    public var description: String { "\(kind)" }
  }

  /// The time that is looked back on.
  public struct Window: Hashable, Sendable, CustomStringConvertible {
    /// How many minutes.
    let minutes: Int

    /// The last minute.
    public static let minute = Window(minutes: 1)
    /// The last ten minutes.
    public static let tenMinutes = Window(minutes: 10)

    /// The window in words.
    public var description: String { minutes == 1 ? "1 minute" : "\(minutes) minutes" }
  }
}
