//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Cache groups: responses of one origin that are invalidated together.
///
/// | section | what | function |
/// |---|---|---|
/// | §2 | `Cache-Groups` | ``groups(in:)`` |
/// | §3 | `Cache-Group-Invalidation` | ``invalidatedGroups(by:to:)`` |
enum RFC9875 {
  /// The groups that a response belongs to (§2), each once, in order. A group is one of its origin's: the caller tells
  /// those of different origins apart. Names are compared character by character, with regard to case.
  ///
  /// None is left out for its length or their number: that would be an invalidation lost. How many a response may have is for
  /// ``TagPolicy`` to say (the RFC asks for at least 32, of 32 characters).
  static func groups(in fields: HeaderFields) -> [String] {
    fields.contains(KnownHeader.cacheGroups) ? strings(of: HeaderName(KnownHeader.cacheGroups), in: fields) : []
  }

  /// The groups of the request's origin that a response invalidates (§3). None if the request's method is safe.
  static func invalidatedGroups(by response: CacheResponse, to request: CacheRequest) -> [String] {
    guard response.fields.contains(KnownHeader.cacheGroupInvalidation), !request.method.isSafe else { return [] }
    return strings(of: HeaderName(KnownHeader.cacheGroupInvalidation), in: response.fields)
  }

  /// The strings in a list; members that are none are left out, and a field that is no list has none.
  private static func strings(of name: HeaderName, in fields: HeaderFields) -> [String] {
    let members = StructuredField.withCombinedValue(of: name, in: fields) { StructuredField.list($0) } ?? nil
    var groups: [String] = []
    var seen: Set<String> = []
    for member in members ?? [] {
      guard case .item(.string(let group)) = member, seen.insert(group).inserted else { continue }
      groups.append(group)
    }
    return groups
  }
}
