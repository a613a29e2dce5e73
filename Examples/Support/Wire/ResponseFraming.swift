//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// How a response goes onto the wire: what becomes of its content, and which fields say so (RFC 9112 §6).
///
/// The server decides this, whatever the handler has put into the fields: only the server knows what it will send.
struct ResponseFraming: Hashable, Sendable {
  /// How the content is sent; `.none` when it is not.
  var content: BodyFraming
  /// The Content-Length to add.
  var addedLength: Int?
  /// Whether a Content-Length among the fields is wrong, or must not be there.
  var dropsLength = false
  /// Whether the fields have hop-by-hop fields, which are the server's business.
  var dropsHopByHop = false
  /// Whether the fields say when the response was made.
  var hasDate: Bool
  /// Whether the connection can go on behind the response.
  var keepsAlive: Bool
  /// The trailer section of content that is all in memory.
  var sendsTrailers = false

  /// - Parameters:
  ///   - response: What the handler made.
  ///   - method: The request's.
  ///   - version: The client's.
  ///   - acceptsTrailers: Whether the client has asked for trailers (`TE: trailers`).
  ///   - keepsAlive: Whether the connection goes on as far as the request is concerned.
  init(
    _ response: CacheResponse, method: RequestMethod, version: MinorVersion, acceptsTrailers: Bool, keepsAlive: Bool
  ) {
    self.keepsAlive = keepsAlive
    content = .none
    let facts = response.fields.framingFacts
    dropsHopByHop = facts.hasHopByHop
    hasDate = facts.hasDate
    if facts.hasHopByHop, Self.asksToClose(response.fields) { self.keepsAlive = false }

    let declared = facts.contentLength
    let isDeclared = facts.hasContentLength
    let length = response.body.length

    if response.status == 204 {
      dropsLength = isDeclared
    } else if method == .head || response.status == 304 {
      // The fields describe the content that would have been sent (RFC 9110 §9.3.2), so they stay.
      dropsLength = isDeclared && declared == nil
      if method == .head, declared == nil, let length, length > 0 { addedLength = length }
    } else if let length {
      if response.trailers != nil, acceptsTrailers, version == .one, response.body.bytes != nil {
        content = .chunked
        dropsLength = isDeclared
        sendsTrailers = true
      } else {
        content = .length(length)
        if declared != length {
          dropsLength = isDeclared
          addedLength = length
        }
      }
    } else if let declared {
      content = .length(declared)
    } else {
      dropsLength = isDeclared
      content = version == .one ? .chunked : .untilClose
      if version == .zero { self.keepsAlive = false }
    }
  }

  /// The fields that are sent, apart from those the server adds.
  func fields(of response: CacheResponse) -> HeaderFields {
    guard dropsLength || dropsHopByHop else { return response.fields }
    var fields = response.fields
    if dropsLength { fields.removeAll(.contentLength) }
    if dropsHopByHop {
      for name in [HeaderName.connection, .transferEncoding, .keepAlive, .proxyConnection] { fields.removeAll(name) }
    }
    return fields
  }

  private static func asksToClose(_ fields: HeaderFields) -> Bool {
    var asks = false
    fields.forEachValue(of: .connection) { value in
      value.withUnsafeBytes { $0.forEachListElement { if $0.equalsLowercase("close") { asks = true } } }
    }
    return asks
  }
}

extension HeaderName {
  static let keepAlive: HeaderName = "Keep-Alive"
  static let proxyConnection: HeaderName = "Proxy-Connection"
  static let te: HeaderName = "TE"
  static let expect: HeaderName = "Expect"
  static let upgrade: HeaderName = "Upgrade"
  static let maxForwards: HeaderName = "Max-Forwards"
  static let xForwardedFor: HeaderName = "X-Forwarded-For"
  static let xForwardedHost: HeaderName = "X-Forwarded-Host"
  static let xForwardedProto: HeaderName = "X-Forwarded-Proto"
}
