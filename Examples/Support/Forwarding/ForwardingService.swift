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
/// the same way as final ones. What fails is thrown; ``ProxyResponses`` says what a client is
/// told about it.
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
    if let response = refusal(of: request) ?? answerForLastHop(request) {
      request.body.cancel()
      return response
    }
    var response = try await exchange(request)
    response.fields = returned(response.fields)
    selectByClient(&response.fields)
    return response
  }

  /// Asks the origin, with `TE: trailers` if whoever asks takes trailers (RFC 9110 §6.5.1, §10.1.4): this proxy passes them on.
  private func exchange(_ request: CacheRequest) async throws -> CacheResponse {
    guard !HopByHop.acceptsTrailers(request.fields) else {
      return try await upstream.call(forwarded(request, acceptsTrailers: true))
    }
    // A cache before this has removed the field, which concerns the client's connection alone.
    let acceptsTrailers = request.body.isEmpty && RequestClient.current?.acceptsTrailers == true
    let response = try await upstream.call(forwarded(request, acceptsTrailers: acceptsTrailers))
    guard acceptsTrailers, response.fields.lists("te", in: .vary) else { return response }
    // And so the cache cannot select by it: everybody has to get what is for clients without trailers.
    response.body.cancel()
    return try await upstream.call(forwarded(request, acceptsTrailers: false))
  }

  // MARK: There

  private func forwarded(_ request: CacheRequest, acceptsTrailers: Bool) -> CacheRequest {
    var forwarded = request
    var fields = request.fields
    HopByHop.remove(from: &fields)
    fields.removeAll(.expect)
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
    if request.method == .trace { TraceAnswer.removeSecrets(from: &fields) }
    configuration.identity.sign(request: &fields)
    forwarded.fields = fields
    if let onInformational = request.onInformational {
      forwarded.onInformational = { informational in
        onInformational(
          InformationalResponse(status: informational.status, fields: returnedInterim(informational.fields)))
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
    configuration.identity.sign(response: &fields)
    return fields
  }

  /// `Forwarded` is made of the host and scheme, which are part of a cache's key, and of `X-Forwarded-For`. A response that was
  /// selected by it was selected by that field, which a cache before this can see.
  private func selectByClient(_ fields: inout HeaderFields) {
    guard configuration.addsForwarded, fields.lists("forwarded", in: .vary),
      !fields.lists("x-forwarded-for", in: .vary)
    else { return }
    fields.append(.vary, "X-Forwarded-For")
  }

  /// What announces content, sets state or asks for credentials belongs to a final response.
  private func returnedInterim(_ fields: HeaderFields) -> HeaderFields {
    var fields = returned(fields)
    let unwanted: [HeaderName] = [
      .contentLength, .contentRange, .trailer, .setCookie, "WWW-Authenticate", "Authentication-Info", "Alt-Svc",
      "Strict-Transport-Security", "Clear-Site-Data",
    ]
    for name in unwanted { fields.removeAll(name) }
    return fields
  }

  // MARK: Hops

  /// The refusal of a request that is not to be forwarded; nil for others.
  private func refusal(of request: CacheRequest) -> CacheResponse? {
    if configuration.identity.isLooping(request.fields, maximumHops: configuration.maximumHops) {
      // Without `Cache-Status`, which the cache before this adds.
      return .plain(508, ProxyResponses.loopText)
    }
    guard request.method == .trace else { return nil }
    guard configuration.allowsTrace else {
      return TraceAnswer.refusal
    }
    guard request.body.isEmpty else { return .plain(400, "TRACE must not have content (RFC 9110 §9.3.8).\n") }
    return nil
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
    guard request.method == .trace else {
      let allowed = TraceAnswer.otherMethods + (configuration.allowsTrace ? ", TRACE" : "")
      return CacheResponse(status: 200, fields: ["Allow": allowed])
    }
    return TraceAnswer.response(to: request)
  }
}
