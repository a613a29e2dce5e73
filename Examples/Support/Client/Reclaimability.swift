//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The reasons for which an exchange with an origin may be ended for a client with less than its share of the connections.
///
/// The larger of two is the better choice.
struct Reclaimability: Comparable, Sendable {
  enum Kind: Int, Comparable, Sendable {
    /// The request has content, and the origin may be acting on it.
    case unansweredContent
    /// The origin has not answered.
    case unanswered
    /// The response has begun. A stream may go on for as long as the origin likes.
    case answered
    /// The client has left or stopped sending (``RequestClient/hasLeft``), or takes most of the time itself (``HoldUp``).
    case clientsFault

    static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }
  }

  let kind: Kind
  /// How long the connection has been held, in nanoseconds.
  let time: Int64

  static func < (a: Reclaimability, b: Reclaimability) -> Bool { (a.kind, a.time) < (b.kind, b.time) }
}
