//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Requests as text, one a line, to be kept between two lives of a process.
///
///     http://example.com/products?page=2<TAB>Accept-Language: de<TAB>Accept: application/json
///
/// Credentials are never written: `Authorization`, `Cookie` and their like are left out, and so are conditions and ranges.
public struct WarmUpList: Sendable {
  /// The requests. All are GET.
  public var requests: [CacheRequest]

  /// A list of requests.
  public init(_ requests: [CacheRequest]) { self.requests = requests }

  /// What a list says; lines that say nothing sensible are left out.
  ///
  /// - Complexity: O(*n*) in the length of the text.
  public init(parsing text: String) {
    requests = text.split(whereSeparator: \.isNewline).compactMap { Self.request(in: $0) }
  }

  /// The list as text.
  public var text: String {
    requests.filter { $0.method == .get }.map { Self.line(of: $0) + "\n" }.joined()
  }

  private static func line(of request: CacheRequest) -> String {
    var line = "\(request.scheme)://\(request.authority)\(request.target)"
    for field in request.fields where !omitted.contains(field.name) {
      line += "\t\(field.name): \(field.value)"
    }
    return line
  }

  private static func request(in line: Substring) -> CacheRequest? {
    let parts = line.split(separator: "\t")
    guard let first = parts.first, let end = first.firstRange(of: "://"), !first.hasPrefix("#") else { return nil }
    let rest = first[end.upperBound...]
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    guard slash > rest.startIndex, first[..<end.lowerBound].allSatisfy(\.isLetter) else { return nil }
    var fields = HeaderFields()
    for part in parts.dropFirst() {
      guard let colon = part.firstIndex(of: ":"), let name = HeaderName(String(part[..<colon])) else { continue }
      if !omitted.contains(name) { fields.append(name, String(part[part.index(after: colon)...])) }
    }
    return CacheRequest(
      scheme: String(first[..<end.lowerBound]), authority: String(rest[..<slash]), target: String(rest[slash...]),
      fields: fields)
  }

  private static let omitted: Set<HeaderName> = [
    .authorization, .cookie, "Proxy-Authorization", "X-Forwarded-For", "Forwarded", .range, .ifRange, .ifMatch,
    .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .cacheControl, "Pragma", "X-Request-ID",
  ]
}
