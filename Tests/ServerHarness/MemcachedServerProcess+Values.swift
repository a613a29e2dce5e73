//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension MemcachedServerProcess {
  /// The keys that the server has, as far as it says so.
  public func keys() throws -> [String] {
    try ask("lru_crawler metadump all").compactMap { line in
      guard line.hasPrefix("key="), let end = line.firstIndex(of: " ") else { return nil }
      return line[line.index(line.startIndex, offsetBy: 4)..<end].removingPercentEncoding
    }
  }

  /// Changes what is stored under `key`, at this server's port, without changing what it is stored as.
  ///
  /// - Parameter change: What to do to the octets.
  /// - Returns: Whether there was something.
  @discardableResult
  public func change(_ key: String, _ change: (inout [UInt8]) -> Void) throws -> Bool {
    guard let descriptor = LocalSocket.connect(port) else {
      throw StartError(description: "no connection to memcached")
    }
    defer { close(descriptor) }
    func say(_ bytes: [UInt8]) throws {
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { LocalSocket.send(descriptor, $0) }
        guard count > 0 else { throw StartError(description: "cannot write to memcached") }
        rest = rest.dropFirst(count)
      }
    }
    var answer: [UInt8] = []
    func hear() throws {
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { throw StartError(description: "memcached has hung up") }
      answer += buffer[..<count]
    }
    try say(Array("get \(key)\r\n".utf8))
    while answer.firstIndex(of: 0x0A) == nil { try hear() }
    let head = answer[..<(answer.firstIndex(of: 0x0A) ?? 0)]
    let words = String(decoding: head, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count >= 4, words[0] == "VALUE", let size = Int(words[3]) else { return false }
    while answer.count < head.count + 1 + size + 7 { try hear() }
    var value = Array(answer[(head.count + 1)..<(head.count + 1 + size)])
    change(&value)
    answer = []
    try say(Array("set \(key) \(words[2]) 60 \(value.count)\r\n".utf8) + value + Array("\r\n".utf8))
    while answer.last != 0x0A { try hear() }
    return true
  }
}
