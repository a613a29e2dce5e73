//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a request's response is stored under.
///
/// What the key leaves out must not change the response. The default leaves out only what HTTP itself accounts for (the
/// selecting header fields, through `Vary`).
public struct KeyExtractor: Sendable {
  enum Kind: Sendable {
    case resource
    case pathAndQuery
    case path
    case custom(@Sendable (CacheRequest) -> String?)
  }

  let kind: Kind

  /// Scheme, authority, path and query. The default, and the only one that is safe for a server with several hosts.
  public static let resource = KeyExtractor(kind: .resource)

  /// Path and query. All hosts and schemes share the responses.
  public static let pathAndQuery = KeyExtractor(kind: .pathAndQuery)

  /// The path alone. All queries, hosts and schemes share the responses.
  public static let path = KeyExtractor(kind: .path)

  /// A key of one's own making, from the whole request. No key (nil, or empty text) means: this request is not cached.
  public static func custom(_ extract: @escaping @Sendable (CacheRequest) -> String?) -> KeyExtractor {
    KeyExtractor(kind: .custom(extract))
  }

  /// The key of `request`; nil when it has none.
  ///
  /// - Complexity: ``resource`` allocates nothing. The others make a string.
  @inline(__always)
  public func key(for request: CacheRequest) -> CacheKey? {
    switch kind {
    case .resource: CacheKey(scheme: request.scheme, authority: request.authority, target: request.target)
    default: slowKey(for: request)
    }
  }

  @inline(never)
  private func slowKey(for request: CacheRequest) -> CacheKey? {
    let text: String? =
      switch kind {
      case .resource, .pathAndQuery: request.target
      case .path: String(request.path)
      case .custom(let extract): extract(request)
      }
    guard let text, !text.isEmpty else { return nil }
    return CacheKey(custom: text)
  }
}
