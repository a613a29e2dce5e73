//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Reads the hosts from a URL.
enum MemcachedURL {
  static func hosts(of url: String) throws(CacheConfigurationError) -> [MemcachedHost] {
    let scheme = "memcached://"
    guard url.lowercased().hasPrefix(scheme) else {
      throw CacheConfigurationError("\"\(url)\" is no memcached URL: it must begin with \(scheme)")
    }
    var hosts: [MemcachedHost] = []
    for part in url.dropFirst(scheme.count).split(separator: ",", omittingEmptySubsequences: false) {
      hosts.append(try host(part, of: url))
    }
    return hosts
  }

  private static func host(_ text: Substring, of url: String) throws(CacheConfigurationError) -> MemcachedHost {
    let pieces = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var weight = 1
    if pieces.count == 2 {
      let query = pieces[1]
      guard query.hasPrefix("weight="), let number = Int(query.dropFirst("weight=".count)) else {
        throw CacheConfigurationError(
          "\"\(query)\" in \(url) is not understood: only ?weight=N may follow a host; set the rest as properties")
      }
      weight = number
    }
    var address = pieces[0]
    if address.hasPrefix("/"), address.count > 1 { return MemcachedHost(unixSocket: String(address), weight: weight) }
    if address.hasSuffix("/") { address = address.dropLast() }
    guard !address.contains("@") else {
      throw CacheConfigurationError(
        "\(url) has a user name: authentication (SASL) is not supported; restrict access to the servers by network means"
      )
    }
    let (name, port) = try split(address, of: url)
    guard !name.isEmpty else { throw CacheConfigurationError("\(url) has a host without a name: \"\(text)\"") }
    return MemcachedHost(String(name), port: port, weight: weight)
  }

  private static func split(
    _ address: Substring, of url: String
  ) throws(CacheConfigurationError) -> (name: Substring, port: Int) {
    var name = address
    var port: Substring?
    if address.hasPrefix("[") {
      guard let end = address.firstIndex(of: "]") else {
        throw CacheConfigurationError("\"\(address)\" in \(url) has no closing bracket")
      }
      name = address[address.index(after: address.startIndex)..<end]
      let rest = address[address.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else {
        throw CacheConfigurationError("\"\(rest)\" in \(url) is no port: write [address]:port")
      }
      port = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = address.firstIndex(of: ":") {
      name = address[..<colon]
      port = address[address.index(after: colon)...]
    }
    guard let port else { return (name, 11211) }
    guard let number = Int(port) else {
      throw CacheConfigurationError("\"\(port)\" in \(url) is no port: give a number from 1 to 65535")
    }
    return (name, number)
  }
}
