//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A final response, as handlers make it and as the cache gives it.
public struct CacheResponse: Sendable {
  /// The status code (RFC 9110 §15).
  public var status: Int

  /// The header section.
  public var fields: HeaderFields

  /// The content.
  public var body: Body

  /// The trailer section of a body that is all in memory. A streamed body brings its own, see ``BodyReader/trailers``.
  public var trailers: HeaderFields?

  /// What the cache did to answer; nil when no cache has touched the response. The innermost cache that answered counts.
  public var outcome: CacheOutcome?

  /// - Parameters:
  ///   - status: The status code.
  ///   - fields: The header section.
  ///   - body: The content.
  ///   - trailers: The trailer section, for a body that is all in memory.
  public init(
    status: Int = 200,
    fields: HeaderFields = HeaderFields(),
    body: Body = .empty,
    trailers: HeaderFields? = nil
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    self.trailers = trailers
  }

  @inline(__always)
  init(
    status: Int, fields: HeaderFields, body: Body, trailers: HeaderFields?, outcome: CacheOutcome
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    self.trailers = trailers
    self.outcome = outcome
  }
}
