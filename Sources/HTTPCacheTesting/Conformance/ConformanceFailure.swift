//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a backend does otherwise than ``BackendConformance`` demands.
public struct ConformanceFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// In which check.
  public var check: BackendConformance.Check
  /// On what occasion.
  public var occasion: String
  /// What was expected.
  public var expected: String
  /// What was there instead.
  public var found: String

  /// The failure as text, for people.
  public var description: String { "\(check.rawValue): \(occasion): expected \(expected), found \(found)" }
}
