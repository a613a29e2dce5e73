//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The requests that a route is for.
enum RouteMatch: Sendable {
  /// Requests whose path and query begin so.
  case prefix(String)
  /// Requests whose path is this.
  case path(String)
  /// Requests for which this is true.
  case predicate(@Sendable (CacheRequest) -> Bool)

  func matches(_ request: borrowing CacheRequest) -> Bool {
    switch self {
    case .prefix(let prefix): Self.begins(request.target, with: prefix)
    case .path(let path): Self.begins(request.target, with: path) && Self.isPath(request.target, path.utf8.count)
    case .predicate(let predicate): predicate(copy request)
    }
  }

  private static func begins(_ target: String, with prefix: String) -> Bool {
    target.utf8.withContiguousStorageIfAvailable { target in
      prefix.utf8.withContiguousStorageIfAvailable { prefix in
        guard let start = prefix.baseAddress, prefix.count > 0 else { return true }
        // Read behind the comparison of the lengths.
        guard target.count >= prefix.count, let octets = target.baseAddress else { return false }
        return memcmp(octets, start, prefix.count) == 0
      } ?? target.starts(with: prefix.utf8)
    } ?? target.utf8.starts(with: prefix.utf8)
  }

  /// Whether the first `count` octets of `target` are its whole path.
  private static func isPath(_ target: String, _ count: Int) -> Bool {
    let rest = target.utf8.dropFirst(count)
    return rest.isEmpty || rest.first == UInt8(ascii: "?")
  }
}
