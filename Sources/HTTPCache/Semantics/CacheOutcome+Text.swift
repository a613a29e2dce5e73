//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheOutcome: LosslessStringConvertible {
  /// The outcome in words, with its reason as `Cache-Status` calls it: `hit`, `stale: stale-if-error`, `miss: uri-miss`.
  public var description: String {
    switch self {
    case .hit: "hit"
    case .stale(let reason): "stale: \(reason.rawValue)"
    case .revalidated: "revalidated"
    case .miss(let reason): "miss: \(reason.rawValue)"
    case .collapsed: "collapsed"
    case .bypass(let reason): "bypass: \(reason.rawValue)"
    case .failed(let reason): "failed: \(reason.rawValue)"
    }
  }

  /// The outcome whose description is `description`; nil when there is none.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let reason = parts.count == 2 && parts[1].first == " " ? String(parts[1].dropFirst()) : nil
    let outcome: CacheOutcome? =
      switch (parts[0], reason) {
      case ("hit", nil): .hit
      case ("revalidated", nil): .revalidated
      case ("collapsed", nil): .collapsed
      case ("stale", let reason?): StaleReason(rawValue: reason).map(CacheOutcome.stale)
      case ("miss", let reason?): MissReason(rawValue: reason).map(CacheOutcome.miss)
      case ("bypass", let reason?): BypassReason(rawValue: reason).map(CacheOutcome.bypass)
      case ("failed", let reason?): FailureReason(rawValue: reason).map(CacheOutcome.failed)
      default: nil
      }
    guard let outcome, outcome.description == description else { return nil }
    self = outcome
  }
}

extension CacheOutcome: Codable {
  /// Encodes the outcome as its description.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  /// Decodes an outcome from its description.
  ///
  /// - Throws: `DecodingError` for text that is the description of no outcome.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let outcome = CacheOutcome(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is no outcome of a cache")
    }
    self = outcome
  }
}

// Keys of dictionaries too, so that counts by reason are encoded as an object.

extension CacheOutcome.StaleReason: Codable, CodingKeyRepresentable, CustomStringConvertible {
  /// The reason as `Cache-Status` and logs call it.
  public var description: String { rawValue }
}

extension CacheOutcome.MissReason: Codable, CodingKeyRepresentable, CustomStringConvertible {
  /// The reason as `Cache-Status` and logs call it.
  public var description: String { rawValue }
}

extension CacheOutcome.BypassReason: Codable, CodingKeyRepresentable, CustomStringConvertible {
  /// The reason as `Cache-Status` and logs call it.
  public var description: String { rawValue }
}

extension CacheOutcome.FailureReason: Codable, CodingKeyRepresentable, CustomStringConvertible {
  /// The reason as `Cache-Status` and logs call it.
  public var description: String { rawValue }
}

extension StoreRefusal: Codable, CodingKeyRepresentable, CustomStringConvertible {
  /// The reason as `Cache-Status` and logs call it.
  public var description: String { rawValue }
}
