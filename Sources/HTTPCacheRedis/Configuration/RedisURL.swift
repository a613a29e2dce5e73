//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// What a `redis:` or `unix:` URL says.
struct RedisURL: Equatable {
  var endpoint: RedisEndpoint
  var credentials: RedisCredentials?
  var database = 0

  init(_ text: String) throws(CacheConfigurationError) {
    func refuse(_ reason: String) -> CacheConfigurationError {
      // Not the URL itself: there may be a password in it.
      CacheConfigurationError(
        "this is no Redis URL: \(reason); use redis://[user:password@]host[:port][/database] or unix:///path/of/socket")
    }
    guard let separator = Self.firstRange(of: "://", in: text) else { throw refuse("it has no scheme") }
    let scheme = text[..<separator.lowerBound].lowercased()
    var rest = text[separator.upperBound...]
    switch scheme {
    case "redis", "unix", "redis+unix": break
    case "rediss":
      throw CacheConfigurationError(
        "rediss:// asks for TLS, which hiredis 0.14 does not have; use redis:// on a trusted network or through a TLS tunnel"
      )
    default: throw refuse("its scheme is \(scheme.debugDescription)")
    }

    var query: Substring = ""
    if let mark = rest.firstIndex(of: "?") {
      query = rest[rest.index(after: mark)...]
      rest = rest[..<mark]
    }
    let isUnix = scheme != "redis"
    // In a password everything that matters is percent-encoded, so the first "/" ends the authority.
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    var authority = rest[..<slash]
    let path = rest[slash...]
    if let at = authority.lastIndex(of: "@") {
      let userinfo = authority[..<at]
      authority = authority[authority.index(after: at)...]
      let colon = userinfo.firstIndex(of: ":") ?? userinfo.endIndex
      guard colon != userinfo.endIndex,
        let user = Self.decode(userinfo[..<colon]),
        let password = Self.decode(userinfo[userinfo.index(after: colon)...])
      else { throw refuse("before the @ there must be user:password or :password, percent-encoded") }
      credentials = RedisCredentials(username: user.isEmpty ? nil : user, password: password)
    }

    var databaseText: Substring = ""
    if isUnix {
      guard authority.isEmpty, let socket = Self.decode(path) else {
        throw refuse("unix:// must be followed by a path")
      }
      endpoint = .unixSocket(socket)
    } else {
      endpoint = try Self.endpoint(authority, refuse)
      databaseText = path.dropFirst()
    }
    for item in query.split(separator: "&") {
      guard item.hasPrefix("db=") else { throw refuse("the only parameter there is is db=number") }
      databaseText = item.dropFirst(3)
    }
    if !databaseText.isEmpty {
      guard let number = Int(databaseText), number >= 0 else {
        throw refuse("the database \(databaseText.debugDescription) is not a number")
      }
      database = number
    }
    if let problem = endpoint.problem { throw CacheConfigurationError(problem) }
  }

  private static func endpoint(
    _ authority: Substring, _ refuse: (String) -> CacheConfigurationError
  ) throws(CacheConfigurationError) -> RedisEndpoint {
    var host = authority
    var port: Substring = ""
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { throw refuse("the [ before an IPv6 address is not closed") }
      host = authority[authority.index(after: authority.startIndex)..<end]
      port = authority[authority.index(after: end)...]
      guard port.isEmpty || port.hasPrefix(":") else { throw refuse("after ] only a port may come") }
      port = port.dropFirst()
    } else if let colon = authority.lastIndex(of: ":") {
      host = authority[..<colon]
      port = authority[authority.index(after: colon)...]
    }
    guard !host.isEmpty else { throw refuse("it has no host") }
    guard let number = port.isEmpty ? 6379 : Int(port) else {
      throw refuse("the port \(port.debugDescription) is not a number")
    }
    return .tcp(host: String(host), port: number)
  }

  private static func firstRange(of pattern: String, in text: String) -> Range<String.Index>? {
    var start = text.startIndex
    while start < text.endIndex {
      if text[start...].hasPrefix(pattern) { return start..<text.index(start, offsetBy: pattern.count) }
      start = text.index(after: start)
    }
    return nil
  }

  private static func decode(_ text: Substring) -> String? {
    var octets: [UInt8] = []
    var rest = text.utf8[...]
    while let octet = rest.popFirst() {
      guard octet == UInt8(ascii: "%") else {
        octets.append(octet)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(Substring(rest.prefix(2))), radix: 16) else { return nil }
      octets.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: octets, as: UTF8.self)
  }
}
