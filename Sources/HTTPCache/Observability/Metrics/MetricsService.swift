//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Answers requests for metrics, in the text format that a client asks for: what a Prometheus server scrapes.
///
/// ```swift
/// let metrics = MetricsService(cache)
/// let service = Handler { request in
///   request.path == "/metrics" ? try await metrics.call(request) : try await site.call(request)
/// }
/// ```
///
/// Whatever the path of a request is: a server decides where the metrics are, and who may see them. They tell how a site is
/// used; a listener of their own, on an address that only the monitoring reaches, is the usual place. Not to be put behind a
/// cache; a response says `no-store`.
public struct MetricsService: Service {
  private let sources: [any MetricsSource]

  /// Creates a service for the metrics of all `sources`: one cache or several, and what an application has beside them. Caches
  /// are told apart by their names, and count together if they have the same.
  public init(_ sources: any MetricsSource...) { self.sources = sources }

  /// The same for an array.
  public init(_ sources: [any MetricsSource]) { self.sources = sources }

  /// Answers GET and HEAD with the metrics, other methods with 405.
  public func call(_ request: CacheRequest) async throws -> CacheResponse {
    var fields = HeaderFields()
    fields.append("Cache-Control", "no-store")
    guard request.method == .get || request.method == .head else {
      fields.append("Allow", "GET, HEAD")
      return CacheResponse(status: 405, fields: fields)
    }
    let format = MetricsFormat.preferred(by: request.fields["Accept"])
    var snapshot = MetricsSnapshot()
    for source in sources { snapshot.append(source.metrics) }
    let content = Bytes(snapshot.text(as: format))
    fields.append("Content-Type", format.contentType)
    fields.append("Vary", "Accept")
    guard request.method == .head else { return CacheResponse(fields: fields, body: Body(content)) }
    fields.append("Content-Length", String(content.count))
    return CacheResponse(fields: fields)
  }
}
