//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// Which tags are taken from fields, and which are permitted.
@Suite struct TagPolicyTests {
  @Test(arguments: [
    ("Cache-Tag: a, b", ["a", "b"]), ("Cache-Tag: a,b,,c ,", ["a", "b", "c"]), ("Cache-Tag:", []),
    ("Cache-Tag: a b, c", ["a b", "c"]), ("Cache-Tag: ä", ["ä"]),
  ])
  func `Cache-Tag is separated by commas`(line: String, tags: [String]) {
    #expect(TagFields.cacheTags(in: Sample.fields(line)) == tags)
  }

  @Test(arguments: [
    ("Surrogate-Key: a b", ["a", "b"]), ("Surrogate-Key:  a   b ", ["a", "b"]), ("Surrogate-Key: a,b c", ["a,b", "c"]),
    ("Surrogate-Key:", []),
  ])
  func `Surrogate-Key is separated by spaces`(line: String, tags: [String]) {
    #expect(TagFields.surrogateKeys(in: Sample.fields(line)) == tags)
  }

  @Test(
    arguments: [
      (["product:42", "a/b"], nil), ([], nil),
      (["a b"], "character"), (["a,b"], "character"), (["ä"], "character"), (["a\u{7}"], "character"),
      ([String(repeating: "x", count: 257)], "257 octets"),
      ((0..<129).map { "t\($0)" }, "129 tags"),
      ([CacheTags.group("with space, and \"quotes\"", scheme: "https", authority: "a.example")], nil),
      ([CacheTags.group(String(repeating: "x", count: 257), scheme: "https", authority: "a.example")], "257 octets"),
    ] as [([String], String?)])
  func `what is not permitted is named`(names: [String], problem: String?) {
    let violation = TagPolicy().violation(in: names)
    #expect((violation == nil) == (problem == nil))
    if let problem { #expect(violation?.message.contains(problem) == true) }
  }

  @Test func `other characters can be permitted, but never white space: groups must stay apart from tags`() {
    #expect(TagPolicy(characters: .text).violation(in: ["ä,ö"]) == nil)
    #expect(TagPolicy(characters: .text).violation(in: ["a b"]) != nil)
    #expect(TagPolicy(characters: .matching { $0 == "x" }).violation(in: ["xx"]) == nil)
    #expect(TagPolicy(characters: .matching { $0 == "x" }).violation(in: ["xy"]) != nil)
    #expect(TagPolicy(characters: .matching { _ in true }).violation(in: ["a\u{A0}b"]) != nil)
  }

  @Test func `nonsense is refused`() {
    func message(_ change: (inout CachePolicy) -> Void) -> String? {
      var policy = CachePolicy()
      change(&policy)
      do {
        try policy.validate()
        return nil
      } catch {
        return error.message
      }
    }
    #expect(message { _ in } == nil)
    #expect(message { $0.tags.maximumCount = -1 }?.contains("maximumCount") == true)
    #expect(message { $0.tags.maximumCount = 5000 }?.contains("4096") == true)
    #expect(message { $0.tags.maximumLength = 0 }?.contains("maximumLength") == true)
    #expect(message { $0.tags.fields = [] }?.contains("passedOn") == true)
    #expect(message { $0.purging = PurgePolicy(.secret("short")) }?.contains("16") == true)
    #expect(message { $0.purging = PurgePolicy(.matching { _ in true }, purgeMethod: .get) }?.contains("GET") == true)
    #expect(message { $0.purging = PurgePolicy(.matching { _ in true }, banMethod: "PURGE") } != nil)
    #expect(message { $0.purging = PurgePolicy(.secret("0123456789abcdef")) } == nil)
  }

  @Test(arguments: [
    ("secret", "secret", true), ("secret", "secreT", false), ("", "secret", false), ("secretsecret", "secret", false),
    ("secre", "secret", false), ("secret\0", "secret", false),
  ])
  func `secrets are compared whole`(presented: String, secret: String, isSame: Bool) {
    #expect(PurgePolicy.isSame(Array(presented.utf8), Array(secret.utf8)) == isSame)
  }
}
