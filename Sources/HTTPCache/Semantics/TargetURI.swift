//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The URI of a request in the parts that a key is made of, and the resolution of references against it (RFC 3986 §5).
struct TargetURI: Hashable, Sendable {
  /// In lower case.
  var scheme: String
  /// Host and port, normalised.
  var authority: String
  /// Path and query.
  var target: String

  /// The target URI of a request (RFC 9110 §7.1).
  init(_ request: CacheRequest) {
    scheme = request.scheme
    authority = request.authority
    target = request.target
  }

  /// Normalises scheme and authority as `CacheRequest` does, so that the parts compare with those of requests.
  init(scheme: String, authority: String, target: String) {
    self.init(CacheRequest(scheme: scheme, authority: authority, target: target))
  }

  /// The URI that `reference` stands for when it is found in a message about this one (RFC 3986 §5.2). The fragment is
  /// dropped.
  ///
  /// Nil for a URI that is not `http` or `https`, or that holds octets that no URI may hold.
  func resolving(_ reference: String) -> TargetURI? {
    let text = reference.utf8
    guard text.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    var rest = Substring(reference)
    if let hash = rest.utf8.firstIndex(of: UInt8(ascii: "#")) { rest = rest[..<hash] }

    var scheme = self.scheme
    if let colon = rest.utf8.firstIndex(of: ASCII.colon),
      rest[..<colon].utf8.allSatisfy({
        ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-")
          || $0 == UInt8(ascii: ".")
      }), let first = rest.utf8.first, ASCII.isLetter(first)
    {
      scheme = rest[..<colon].lowercased()
      guard scheme == "http" || scheme == "https" else { return nil }
      rest = rest[rest.utf8.index(after: colon)...]
      guard rest.hasPrefix("//") else { return nil }
    }
    if rest.hasPrefix("//") {
      rest = rest.dropFirst(2)
      let end = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
      let authority = String(rest[..<end])
      guard Self.isHostAndPort(authority.utf8) else { return nil }
      return TargetURI(scheme: scheme, authority: authority, target: Self.normalized(rest[end...]))
    }
    return TargetURI(scheme: scheme, authority: authority, target: merged(rest))
  }

  /// Whether this is a host, and perhaps a port; user information is no part of an origin (RFC 9110 §4.2.4).
  private static func isHostAndPort(_ authority: String.UTF8View) -> Bool {
    let start =
      authority.first == UInt8(ascii: "[") ? authority.firstIndex(of: UInt8(ascii: "]")) : authority.startIndex
    guard let start, let first = authority.first, first != ASCII.colon, !authority.contains(UInt8(ascii: "@")) else {
      return false
    }
    guard let colon = authority[start...].firstIndex(of: ASCII.colon) else { return true }
    return authority[authority.index(after: colon)...].allSatisfy(ASCII.isDigit)
  }

  /// Path and query of a reference without authority, against this URI's (RFC 3986 §5.2.2, §5.2.3).
  private func merged(_ reference: Substring) -> String {
    let question = UInt8(ascii: "?")
    if reference.isEmpty { return target }
    let basePath = target.utf8.firstIndex(of: question).map { target[..<$0] } ?? target[...]
    if reference.utf8.first == question { return String(basePath) + reference }
    if reference.utf8.first == UInt8(ascii: "/") { return Self.normalized(reference) }
    let slash = basePath.utf8.lastIndex(of: UInt8(ascii: "/"))
    let directory = slash.map { basePath[...$0] } ?? "/"
    return Self.normalized(directory + reference)
  }

  /// A path and query with a leading slash and without `.` and `..` segments (RFC 3986 §5.2.4).
  private static func normalized(_ pathAndQuery: Substring) -> String {
    let queryStart = pathAndQuery.utf8.firstIndex(of: UInt8(ascii: "?")) ?? pathAndQuery.endIndex
    let path = pathAndQuery[..<queryStart]
    let query = pathAndQuery[queryStart...]
    guard path.utf8.contains(UInt8(ascii: ".")) else { return (path.hasPrefix("/") ? "" : "/") + path + query }
    var segments: [Substring] = []
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      let isLast = index == parts.count - 1
      switch part {
      case ".":
        if isLast { segments.append("") }
      case "..":
        if segments.count > 1 { segments.removeLast() }
        if isLast { segments.append("") }
      default:
        segments.append(part)
      }
    }
    let joined = segments.joined(separator: "/")
    return (joined.hasPrefix("/") ? "" : "/") + joined + query
  }
}
