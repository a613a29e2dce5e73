//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// The responses that a proxy makes itself, where neither the cache nor the origin has one: short texts for the client, which tell
/// nothing of the origin's address or of what it sent (CWE-209), and the reason in `Cache-Status` (RFC 9211).
///
/// ```swift
/// let responses = ProxyResponses(cacheName: cache.name)
/// configuration.errorResponse = responses.response(to:for:)
/// configuration.refusalResponse = responses.refusal(of:for:)
/// ```
public struct ProxyResponses: Sendable {
  /// The reason, as `Cache-Status` calls it in `detail`. Where the library has a word for it, it is that.
  public enum Reason: String, CaseIterable, Sendable {
    /// The request has come back to the proxy, or through too many: 508.
    case loop = "loop"
    /// The proxy does not answer for the request's host: 421.
    case host = "host-not-served"
    /// The request came, but its content was late, malformed, too long or incomplete: 400, 408, 413.
    case requestContent = "request-content"
    /// The requests that are not answered yet take all the memory there is for them: 503.
    case requestMemory = "request-memory"
    /// The request cannot be sent to the origin: 400.
    case invalidRequest = "invalid-request"
    /// No connection to the origin could be made: 502.
    case originUnreachable = "origin-unreachable"
    /// The origin took too long: 504.
    case originTimeout = "origin-timeout"
    /// The origin's response was no HTTP/1.1, or beyond the limits: 502.
    case originInvalid = "origin-invalid"
    /// The origin closed the connection before its response was complete: 502.
    case originClosed = "origin-closed"
    /// All connections to the origin were busy for too long: 503.
    case originSaturated = "origin-saturated"
    /// The origin failed otherwise: 502.
    case originFailed = "origin-failed"
  }

  private let member: String

  /// - Parameter cacheName: The name by which the cache is called in `Cache-Status`.
  public init(cacheName: String) { member = Self.tokenOrString(cacheName) }

  // MARK: Before the cache

  /// The answer to a request that goes in circles (508, Loop Detected, RFC 5842 §7.2).
  func loop() -> CacheResponse { response(508, Self.loopText, .loop) }

  static let loopText = "This request goes in circles: it has come back to a proxy that it has come through.\n"

  /// The answer to a request for a host that the proxy does not answer for (421, Misdirected Request, RFC 9110 §15.5.20).
  func hostNotServed() -> CacheResponse {
    response(421, "This server does not answer for that host. Check the name in the URL.\n", .host)
  }

  /// The answer to a request that the server refused. Fits ``HTTPServer/Configuration/refusalResponse``.
  ///
  /// - Parameter request: The request whose content is at fault; nil when no request could be made of what arrived. Such an
  ///   answer has no `Cache-Status`, unless only the memory for a request is missing.
  @Sendable public func refusal(of failure: ParseFailure, for request: CacheRequest?) -> CacheResponse {
    let reason: Reason? =
      if failure.status == 503 { .requestMemory } else if request != nil { .requestContent } else { nil }
    return response(failure.status, failure.reason + "\n", reason)
  }

  // MARK: Behind the cache

  /// The answer to a request to which the origin gave none: 400, 502, 503 or 504. Fits
  /// ``HTTPServer/Configuration/errorResponse``.
  @Sendable public func response(to error: any Error, for request: CacheRequest) -> CacheResponse {
    let (status, reason, text): (Int, Reason, String) =
      switch (error as? UpstreamError)?.kind {
      case .timedOut:
        (504, .originTimeout, "The server behind this one took too long to answer. Try again later.\n")
      case .overloaded:
        (503, .originSaturated, "Too many requests wait for the server behind this one. Try again later.\n")
      case .invalidRequest:
        (400, .invalidRequest, "The request cannot be forwarded: its method or target cannot be sent.\n")
      case .badResponse:
        (502, .originInvalid, "The server behind this one gave no answer that could be understood. Try again later.\n")
      case .closed:
        (502, .originClosed, "The server behind this one gave no complete answer. Try again later.\n")
      case .cannotConnect:
        (502, .originUnreachable, "The server behind this one could not be reached. Try again later.\n")
      case nil:
        (502, .originFailed, "The server behind this one gave no answer. Try again later.\n")
      }
    // Why it was forwarded, as far as it is known here (RFC 9211 §2.2).
    let forward: String? =
      if reason == .invalidRequest { nil } else {
        ["GET", "HEAD"].contains(request.method.rawValue) ? "miss" : "method"
      }
    return response(status, text, reason, forward: forward)
  }

  /// The status of an answer to `error`; nil when the client is gone.
  public static func status(of error: any Error) -> Int? {
    if error is CancellationError { return nil }
    return (error as? ParseFailure)?.status ?? (error as? UpstreamError)?.status ?? 502
  }

  // MARK: Making

  private func response(_ status: Int, _ text: String, _ reason: Reason?, forward: String? = nil) -> CacheResponse {
    var fields: HeaderFields = [:]
    if let reason {
      let forwarded = forward.map { "; fwd=\($0)" } ?? ""
      fields.append(.cacheStatus, "\(member)\(forwarded); detail=\(reason.rawValue)")
    }
    // How long it takes nobody knows; a second keeps clients from asking without a pause.
    if status == 503 { fields.append("Retry-After", "1") }
    return .plain(status, text, fields)
  }

  /// A token of structured fields if `name` is one (RFC 9651 §3.3.4), else a string, in which what is no printable ASCII is
  /// percent-encoded, as the cache writes it.
  private static func tokenOrString(_ name: String) -> String {
    let octets = Array(name.utf8)
    let isToken = octets.allSatisfy { Octet.isToken($0) || $0 == Octet.colon || $0 == Octet.slash }
    if isToken, let first = name.first, first.isASCII && first.isLetter || first == "*" { return name }
    var text = "\""
    for octet in octets {
      switch octet {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(octet))
      case 0x20..<0x7F: text += String(UnicodeScalar(octet))
      default: text += "%" + (octet < 16 ? "0" : "") + String(octet, radix: 16, uppercase: true)
      }
    }
    return text + "\""
  }
}
