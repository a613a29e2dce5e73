//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The head of a request as it goes onto the wire, and how its content follows (RFC 9112 §3, §6).
struct SerializedRequest {
  var head: Bytes
  /// `.none`, `.length` or `.chunked`.
  var content: BodyFraming

  /// - Parameters:
  ///   - request: What is asked. Its hop-by-hop fields are left out; framing is decided here.
  ///   - authority: `Host` for a request that has none.
  /// - Returns: nil when the method or target would break out of the request line.
  init?(_ request: CacheRequest, authority: String) {
    var method = request.method.rawValue
    var target = request.target
    guard method.withUTF8({ !$0.isEmpty && $0.allSatisfy(Octet.isToken) }),
      target.withUTF8({ !$0.isEmpty && $0.allSatisfy(Octet.isTarget) })
    else { return nil }

    var fields = request.fields
    let acceptsTrailers = fields.contains(.te)
    for name in Self.ownFields { fields.removeAll(name) }
    let length = request.body.length
    var added = ""
    if !fields.contains(.host) { added += "Host: \(authority)\r\n" }
    switch length {
    case 0?:
      content = .none
      // RFC 9110 §8.6: a method that is expected to have content says that it has none.
      if ["POST", "PUT", "PATCH", "QUERY"].contains(method) { added += "Content-Length: 0\r\n" }
    case let length?:
      content = .length(length)
      added += "Content-Length: \(length)\r\n"
    case nil:
      content = .chunked
      added += "Transfer-Encoding: chunked\r\n"
    }
    if acceptsTrailers { added += "Connection: TE\r\n" }

    var bytes: [UInt8] = []
    bytes.reserveCapacity(method.utf8.count + target.utf8.count + fields.serializedByteCount + added.utf8.count + 16)
    bytes.append(contentsOf: "\(method) \(target) HTTP/1.1\r\n".utf8)
    fields.withSerializedBytes { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: added.utf8)
    bytes.append(contentsOf: "\r\n".utf8)
    head = Bytes(bytes)
  }

  /// What is between two neighbours on the way, and what this client decides itself.
  private static let ownFields: [HeaderName] = [
    .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .contentLength, .expect,
  ]
}
