//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What the conditions of a request come to, for a stored response (RFC 9110 §13.2.2).
enum Precondition: Hashable, Sendable {
  /// There are none, or they hold: the response is sent as it is.
  case none
  /// The client has the same already: 304.
  case notModified
  /// The stored response is not the one that `If-Match` or `If-Unmodified-Since` speak of: 412, if the cache spoke for
  /// the origin. RFC 9111 §4.3.2 does not have it do so: the request is better passed on.
  case failed
}
