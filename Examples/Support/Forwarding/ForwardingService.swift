//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// What a proxy does to messages on their way (RFC 9110 §7.6), around the client that sends them.
///
/// ```swift
/// let client = UpstreamClient(origin: origin)
/// let proxy = ForwardingService(to: origin, through: client).layer(cache)
/// ```
///
/// Both ways it removes what is between neighbours only, and signs in `Via`. On the way there it tells the origin who
/// asked, and sends no `Expect`: the server before it has already told the client to go on. Interim responses (1xx) take
/// the same way as final ones. What fails is thrown; ``errorResponse(to:)`` says what a client is told about it.
public struct ForwardingService<Upstream: Service>: Service
where Upstream.Request == CacheRequest, Upstream.Response == CacheResponse {
  /// Where requests go.
  public let origin: OriginURL
  private let upstream: Upstream
  private let configuration: Configuration

  /// A proxy for `origin`, which `upstream` reaches.
  public init(to origin: OriginURL, through upstream: Upstream, configuration: Configuration = Configuration()) {
    self.origin = origin
    self.upstream = upstream
    self.configuration = configuration
  }

  /// Passes `request` on, and the response back.
  public func call(_ request: CacheRequest) async throws -> CacheResponse {
    if let response = answerForLastHop(request) { return response }
    guard hops(request.fields) < configuration.maximumHops else {
      request.body.cancel()
      return Self.plain(508, "This request has come through too many proxies. It is going in circles.\n")
    }
    var response = try await upstream.call(forwarded(request))
    response.fields = returned(response.fields)
    return response
  }

  // MARK: There

  private func forwarded(_ request: CacheRequest) -> CacheRequest {
    var forwarded = request
    var fields = request.fields
    let acceptsTrailers = HopByHop.acceptsTrailers(fields)
    HopByHop.remove(from: &fields)
    fields.removeAll(.expect)
    // This proxy passes trailers on, if whoever asked takes them (RFC 9110 §6.5.1).
    if acceptsTrailers { fields.append(.te, "trailers") }
    if ["OPTIONS", "TRACE"].contains(request.method.rawValue), let left = maximumForwards(fields) {
      fields[.maxForwards] = String(left - 1)
    }
    addForwarded(request, &fields)
    if !configuration.preservesHost || !fields.contains(.host) {
      let host = configuration.preservesHost ? request.authority : origin.authority
      if fields[.host] != host { fields[.host] = host }
      forwarded.authority = host
    }
    fields.append(.via, "1.1 \(configuration.viaName)")
    forwarded.fields = fields
    if let onInformational = request.onInformational {
      forwarded.onInformational = { informational in
        onInformational(
          InformationalResponse(status: informational.status, fields: returned(informational.fields)))
      }
    }
    return forwarded
  }

  /// The client's scheme and host are the request's own, whatever its fields say: the cache has looked it up under them.
  private func addForwarded(_ request: CacheRequest, _ fields: inout HeaderFields) {
    guard configuration.addsForwarded else { return }
    fields[.xForwardedProto] = request.scheme
    fields[.xForwardedHost] = request.authority
    var nodes: [String] = []
    fields.forEachValue(of: .xForwardedFor) { value in
      value.withUnsafeBytes { $0.forEachListElement { nodes.append($0.text) } }
    }
    // One element for each proxy; the one that the client came to knows what the client asked for.
    let elements = nodes.isEmpty ? ["for=unknown"] : nodes.map { "for=\(Self.forwardedNode($0))" }
    let host = request.authority.filter { $0 != "\"" && $0 != "\\" }
    let first = "\(elements[0]);proto=\(request.scheme);host=\"\(host)\""
    fields[.forwarded] = ([first] + elements.dropFirst()).joined(separator: ", ")
  }

  /// A node as RFC 7239 §6 wants it: IPv6 addresses in brackets, and then in quotes.
  private static func forwardedNode(_ client: String) -> String {
    guard !client.isEmpty, client.utf8.allSatisfy(isNodeCharacter) else { return "unknown" }
    guard client.contains(":") else { return client }
    return client.hasPrefix("[") ? "\"\(client)\"" : "\"[\(client)]\""
  }

  private static func isNodeCharacter(_ octet: UInt8) -> Bool {
    Octet.isToken(octet) || octet == Octet.colon || octet == UInt8(ascii: "[") || octet == UInt8(ascii: "]")
  }

  // MARK: Back

  private func returned(_ fields: HeaderFields) -> HeaderFields {
    var fields = fields
    HopByHop.remove(from: &fields)
    fields.append(.via, "1.1 \(configuration.viaName)")
    return fields
  }

  // MARK: Hops

  private func hops(_ fields: HeaderFields) -> Int {
    var count = 0
    fields.forEachValue(of: .via) { value in value.withUnsafeBytes { $0.forEachListElement { _ in count += 1 } } }
    return count
  }

  private func maximumForwards(_ fields: HeaderFields) -> Int? {
    guard let text = fields[.maxForwards], text.utf8.allSatisfy(Octet.isDigit) else { return nil }
    return Int(text)
  }

  /// RFC 9110 §7.6.2: the last recipient that Max-Forwards allows answers itself.
  private func answerForLastHop(_ request: CacheRequest) -> CacheResponse? {
    guard ["OPTIONS", "TRACE"].contains(request.method.rawValue), maximumForwards(request.fields) == 0 else {
      return nil
    }
    request.body.cancel()
    guard request.method == .trace else {
      return CacheResponse(status: 200, fields: ["Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"])
    }
    // RFC 9110 §9.3.8: the request as it arrived, without what might be secret.
    var fields = request.fields
    for name in [HeaderName.authorization, .cookie, "Proxy-Authorization"] { fields.removeAll(name) }
    var message = Array("\(request.method) \(request.target) HTTP/1.1\r\n".utf8)
    fields.withSerializedBytes { message.append(contentsOf: $0) }
    message.append(contentsOf: "\r\n".utf8)
    return CacheResponse(fields: ["Content-Type": "message/http"], body: Body(Bytes(message)))
  }

  private static func plain(_ status: Int, _ text: String) -> CacheResponse {
    CacheResponse(
      status: status, fields: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"],
      body: Body(text))
  }
}

extension ForwardingService {
  /// What a client is told when the origin could not be reached: 502, 503 or 504 with a text that says why. It fits
  /// ``HTTPServer/Configuration/errorResponse``.
  public static func errorResponse(to error: any Error) -> CacheResponse {
    guard let error = error as? UpstreamError else {
      return plain(502, "The gateway failed to get a response: \(type(of: error)).\n")
    }
    return plain(error.status, "\(error)\n")
  }
}
