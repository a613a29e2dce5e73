//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct KeyDigestTests {
  /// All ways to cut the texts of these lengths in two, around the lengths at which the digest goes another way.
  @Test func `each octet, each length and each boundary makes a difference`() {
    var seen: [KeyDigest: String] = [:]
    func note(_ first: String, _ second: String) {
      let digest = KeyDigest.unseeded.appending(first, second)
      let text = "\(first)|\(second)"
      #expect(seen.updateValue(text, forKey: digest) == nil, "\(text)")
    }
    for length in 0...50 {
      let text = String("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".prefix(length))
      for cut in 0...length { note(String(text.prefix(cut)), String(text.dropFirst(cut))) }
      for place in 0..<length {
        var octets = Array(text.utf8)
        octets[place] = UInt8(ascii: "!")
        note(String(decoding: octets, as: UTF8.self), "")
        note("/", String(decoding: octets, as: UTF8.self))
      }
    }
  }

  @Test(arguments: ["", "a", "http", "/fifteen-octets", "/sixteen-octets!", "/a/path?that=is&longer=than&any=word"])
  func `a text has one digest, however it is held in memory`(text: String) {
    var other = ""
    other.reserveCapacity(200)
    for character in text { other.append(character) }
    let substring = String("<\(text)>".dropFirst().dropLast())
    for copy in [other, substring] {
      #expect(KeyDigest.unseeded.appending(copy) == KeyDigest.unseeded.appending(text))
      #expect(KeyDigest.unseeded.appending(copy, copy) == KeyDigest.unseeded.appending(text, text))
    }
  }

  @Test(arguments: ["http", "https"])
  func `a key is found by parts that are held in memory in another way`(scheme: String) {
    func copy(_ text: String) -> String {
      var copy = ""
      copy.reserveCapacity(200)
      for character in text { copy.append(character) }
      return copy
    }
    #expect(CacheKey.Scheme(usual: copy(scheme)) == CacheKey.Scheme(usual: scheme))
    for (authority, target) in [("a.example", "/"), ("a-longer-name.example.com", "/catalog/items/42?locale=en-US")] {
      let moment = CacheInstant(nanoseconds: 0)
      let entry = CacheEntry(
        key: CacheKey(scheme: scheme, authority: authority, target: target), status: 200, fields: [:], body: Bytes(),
        times: EntryTimes(
          birth: moment, receivedAt: moment, freshUntil: moment, staleWhileRevalidateUntil: moment,
          staleIfErrorUntil: moment, reclaimAt: moment))
      let usual = CacheKey.Scheme(usual: scheme)
      #expect(usual != nil)
      guard let usual else { continue }
      func isFound(_ authority: String, _ target: String) -> Bool {
        entry.isResource(scheme: usual, authority: authority, target: target)
      }
      #expect(isFound(authority, target))
      #expect(isFound(copy(authority), copy(target)))
      // The digest may be the same by chance; the octets decide.
      #expect(!isFound(copy(authority), target + "x"))
      #expect(!isFound(copy(authority), String(target.dropLast()) + "!"))
      #expect(!isFound(String(authority.dropLast()) + "!", copy(target)))
      #expect(!isFound(target, authority))
    }
  }

  @Test(arguments: ["ftp", "", "HTTP", "httpss", "htt"])
  func `other schemes are not usual`(scheme: String) { #expect(CacheKey.Scheme(usual: scheme) == nil) }
}
