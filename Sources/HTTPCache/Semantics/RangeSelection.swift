//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which part of a representation is to be sent (RFC 9110 §14.2).
enum RangeSelection: Hashable, Sendable {
  /// All of it: no range was asked for, or the request for one is to be ignored.
  case whole
  /// These parts, none empty, none overlapping, all within the representation.
  case ranges(SmallList<Range<Int>>)
  /// None of what was asked for exists: 416.
  case unsatisfiable
}
