//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// For how long the hits of one second may share a head (RFC 9111 §5.1: `Age` is in it).
struct HeadValidityTests {
  struct Case: Sendable {
    let from: Int64
    let until: Int64
    let now: Int64
    let covers: Bool
  }

  @Test(arguments: [
    Case(from: 1_000, until: 2_000, now: 999, covers: false),
    Case(from: 1_000, until: 2_000, now: 1_000, covers: true),
    Case(from: 1_000, until: 2_000, now: 1_999, covers: true),
    Case(from: 1_000, until: 2_000, now: 2_000, covers: false),
    Case(from: 1_000, until: 1_000, now: 1_000, covers: false),
    Case(from: 2_000, until: 1_000, now: 1_500, covers: false),
    Case(from: -1_000, until: 1_000, now: 0, covers: true),
    // Longer than it can say: shorter, not longer.
    Case(from: 0, until: 60_000_000_000, now: 4_000_000_000, covers: true),
    Case(from: 0, until: 60_000_000_000, now: 5_000_000_000, covers: false),
    // At either end of time nothing overflows.
    Case(from: .min, until: .max, now: .max, covers: false),
    Case(from: .max - 10, until: .max, now: .max - 1, covers: true),
    Case(from: .max - 10, until: .max, now: .min, covers: false),
    Case(from: .min, until: .min + 10, now: .min + 9, covers: true),
  ])
  func `it covers its time and no moment more`(_ example: Case) {
    let owner = HeadValidity.newOwner()
    let validity = HeadValidity(from: example.from, until: example.until, owner: owner)
    #expect(validity.covers(example.now, for: owner) == example.covers)
    #expect(!validity.covers(example.now, for: HeadValidity.newOwner()), "another cache has another name")
  }

  @Test func `fields that have changed are no longer what was to be sent again`() {
    let owner = HeadValidity.newOwner()
    var fields: HeaderFields = ["Age": "1"]
    #expect(!fields.storage.summary.validity.covers(5, for: owner))
    fields.setValidity(HeadValidity(from: 0, until: 10, owner: owner))
    #expect(fields.storage.summary.validity.covers(5, for: owner))
    var changed = fields
    changed.append("X-Extra", "1")
    #expect(!changed.storage.summary.validity.covers(5, for: owner))
    #expect(fields.storage.summary.validity.covers(5, for: owner))
  }

  @Test func `the empty section, which all share, takes no part`() {
    var fields = HeaderFields()
    let owner = HeadValidity.newOwner()
    fields.setValidity(HeadValidity(from: 0, until: 10, owner: owner))
    #expect(!HeaderFields().storage.summary.validity.covers(5, for: owner))
  }

  @Test func `a cache does not take the heads of another one that shares its store`() async throws {
    let backend = InMemoryBackend()
    let origin = Handler { _ in CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "x") }
    let request = CacheRequest(target: "/shared")
    for name in ["first", "second", "first", "second"] {
      let service = origin.layer(try CacheLayer(backend: backend, name: name))
      for _ in 0..<3 {
        let status = try await service.call(request).fields[.cacheStatus] ?? ""
        #expect(status.hasPrefix("\(name);"))
      }
    }
  }
}
