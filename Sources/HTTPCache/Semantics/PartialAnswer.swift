//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What stored parts of a representation are good for, for one request.
enum PartialAnswer: Hashable, Sendable {
  /// These octets are wanted, and are there: 206.
  case ranges([Range<Int>])
  /// All of it is wanted, and is there: 200.
  case whole
  /// None of what is wanted exists: 416.
  case unsatisfiable
  /// What is wanted would be there with these octets. The end is nil when it is that of the representation.
  case missing(from: Int, to: Int?)
  /// Which octets are wanted depends on the length of the representation, which is not known.
  case unknown
}
