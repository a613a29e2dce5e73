//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Where a streamed body comes from.
///
/// A source is read by one reader, one `next()` at a time. It should produce no more than it is asked for: that is how a
/// slow client slows down the origin instead of filling memory.
public protocol BodySource: AnyObject, Sendable {
  /// The next piece, never empty; nil when the body has ended properly.
  ///
  /// - Throws: When the body broke off. What has been read so far is then incomplete.
  func next() async throws -> Bytes?

  /// The trailer section (RFC 9110 §6.5), if there is one. Complete once `next()` has returned nil.
  var trailers: HeaderFields? { get }

  /// Nobody will call `next()` again. May be called at any time, from any thread, more than once.
  func cancel()
}

extension BodySource {
  /// None, unless the source says otherwise.
  public var trailers: HeaderFields? { nil }
  /// Does nothing, unless the source says otherwise.
  public func cancel() {}
}
