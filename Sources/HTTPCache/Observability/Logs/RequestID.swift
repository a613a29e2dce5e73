//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The identifier of a request: what the client, a proxy or a tracer has given it, or a new one.
enum RequestID {
  static let field: HeaderName = "X-Request-ID"
  private static let traceParent: HeaderName = "traceparent"
  private static let maximumLength = 128

  /// The identifier of a request with these fields.
  static func of(_ fields: HeaderFields) -> String {
    if let given = fields[field], isUsable(given) { return given }
    if let trace = fields[traceParent].flatMap(traceID) { return trace }
    return SipHash128.hex(.random(in: .min ... .max)) + SipHash128.hex(.random(in: .min ... .max))
  }

  /// Whether it can be sent and logged as it is.
  private static func isUsable(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= maximumLength && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }

  /// The trace ID of a `traceparent` (W3C Trace Context §3.2); nil if there is none.
  private static func traceID(_ text: String) -> String? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[0].utf8.count == 2, parts[0] != "ff", parts[1].utf8.count == 32,
      parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
      parts[1].utf8.contains(where: { $0 != 0x30 })
    else { return nil }
    return String(parts[1])
  }

  /// The request with its identifier, and nothing else, in `X-Request-ID`.
  static func identified(_ request: CacheRequest) -> CacheRequest {
    var request = request
    set(of(request.fields), in: &request.fields)
    return request
  }

  static func set(_ id: String, in fields: inout HeaderFields) {
    fields.removeAll(field)
    fields.append(field, id)
  }
}
