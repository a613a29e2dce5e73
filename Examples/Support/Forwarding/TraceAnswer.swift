//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The answer of a proxy that is the last recipient of a TRACE request: the request as it arrived, without what might be
/// secret (RFC 9110 §9.3.8).
enum TraceAnswer {
  private static let secrets: [HeaderName] = [
    .authorization, .cookie, "Cookie2", "Proxy-Authorization", .forwarded, .xForwardedFor, .xForwardedHost,
    .xForwardedProto, "X-Real-IP",
  ]
  private static let secretParts = ["auth", "cookie", "credential", "key", "passw", "secret", "session", "token"]

  /// The methods that a proxy forwards beside TRACE, as `Allow` lists them.
  static let otherMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

  /// The answer of a proxy that does not forward TRACE.
  static var refusal: CacheResponse {
    .plain(405, "This proxy does not forward TRACE.\n", ["Allow": otherMethods])
  }

  static func response(to request: CacheRequest) -> CacheResponse {
    var fields = request.fields
    removeSecrets(from: &fields)
    for name in secrets { fields.removeAll(name) }
    var message = Array("\(request.method) \(request.target) HTTP/1.1\r\n".utf8)
    fields.withSerializedBytes { message.append(contentsOf: $0) }
    message.append(contentsOf: "\r\n".utf8)
    return CacheResponse(
      fields: ["Content-Type": "message/http", "Cache-Control": "no-store"], body: Body(Bytes(message)))
  }

  /// Removes credentials, by all names that look like some: an origin would send them back.
  static func removeSecrets(from fields: inout HeaderFields) {
    fields.removeAll { name in
      let name = name.text.lowercased()
      return secretParts.contains { name.contains($0) }
    }
  }
}
