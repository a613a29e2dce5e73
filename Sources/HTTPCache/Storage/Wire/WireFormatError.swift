//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Why bytes are not the entry that was asked for. All of it is a miss, and no reason to delete what was found.
public struct WireFormatError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of it.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
      case otherKey, unsupported, damaged, fromTheFuture
    }

    private let kind: Kind

    /// The bytes are an entry for another key: two keys have come to the same place of the store.
    public static let otherKey = Code(kind: .otherKey)
    /// The bytes are of a version that this library does not read.
    public static let unsupported = Code(kind: .unsupported)
    /// The bytes are not what was written, or were never an entry.
    public static let damaged = Code(kind: .damaged)

    /// The entry was received later than now: the clocks of writer and reader disagree by more than two seconds.
    public static let fromTheFuture = Code(kind: .fromTheFuture)

    /// All there are.
    package static let allCases: [Code] = [.otherKey, .unsupported, .damaged, .fromTheFuture]

    /// The code's name.
    public var description: String { kind.rawValue }
  }

  /// The kind.
  public let code: Code
  /// The version that the bytes say they are of; zero when that is not the trouble.
  public let version: UInt8
  /// What exactly is wrong; empty when the code says it all.
  public let reason: String

  /// The bytes are an entry for another key.
  public static let otherKey = WireFormatError(code: .otherKey, version: 0, reason: "")

  /// The entry was received later than now.
  public static let fromTheFuture = WireFormatError(code: .fromTheFuture, version: 0, reason: "")

  /// The bytes are of version `version`.
  public static func unsupported(version: UInt8) -> WireFormatError {
    WireFormatError(code: .unsupported, version: version, reason: "")
  }

  /// The bytes are damaged.
  ///
  /// - Parameter reason: What exactly is wrong.
  public static func damaged(_ reason: String) -> WireFormatError {
    WireFormatError(code: .damaged, version: 0, reason: reason)
  }

  /// The error as text, for people.
  public var description: String {
    switch code {
    case .otherKey: "the stored entry is for another key; taken as a miss"
    case .unsupported:
      "the stored entry is of wire format \(version), this library reads \(WireFormat.version); taken as a miss"
    case .fromTheFuture:
      "the stored entry was received in the future: the clocks of writer and reader disagree; taken as a miss"
    default: "the stored entry is damaged: \(reason); taken as a miss"
    }
  }
}
