//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

extension ConformanceRun {
  func checkStoring() async throws {
    let backend = try await kit.makeBackend()
    let entry = entry(
      Self.key("/a"), status: 203, fields: ["Content-Type": "text/plain", "ETag": "\"x\""],
      traits: [.hasValidator, .mustRevalidate])
    try await expectAbsent(entry.key, in: backend, "before anything is stored")
    try await store(entry, in: backend, "storing")
    try await expectFound(entry, in: backend, "after storing")
    try await expectFound(entry, in: backend, "looking again")
    try await expectAbsent(Self.key("/b"), in: backend, "another key")
    let another = self.entry(Self.key("/b"), "another", status: 404)
    try await store(another, in: backend, "storing another")
    try await expectFound(entry, in: backend, "after storing another")
    try await expectFound(another, in: backend, "the other")
  }

  func checkReplacing() async throws {
    let backend = try await kit.makeBackend()
    let key = Self.key("/a")
    for number in 0..<20 {
      // Longer and shorter ones in turn, so that nothing is left of what was there.
      let entry = entry(
        key, Self.octets(number % 2 == 0 ? 10_000 + number : number, seed: UInt64(number)), status: 200 + number,
        fields: ["X-Number": "\(number)"], trailers: number % 3 == 0 ? ["X-Trailer": "\(number)"] : nil,
        tags: number % 4 == 0 ? ["tag\(number)"] : [])
      try await store(entry, in: backend, "storing the \(number + 1). time")
      try await expectFound(entry, in: backend, "after storing the \(number + 1). time")
    }
  }

  func checkRemoving() async throws {
    let backend = try await kit.makeBackend()
    let entries = (0..<10).map { entry(Self.key("/\($0)"), Bytes("\($0)")) }
    for entry in entries { try await store(entry, in: backend, "storing") }
    try await backend.removeEntry(for: entries[3].key)
    try await expectAbsent(entries[3].key, in: backend, "after removing it")
    for entry in entries where entry.key != entries[3].key {
      try await expectFound(entry, in: backend, "after removing another")
    }
    try await backend.removeEntry(for: Self.key("/never stored"))
    try await store(entries[3], in: backend, "storing it again")
    try await expectFound(entries[3], in: backend, "after storing it again")
    try await backend.removeAll()
    for entry in entries { try await expectAbsent(entry.key, in: backend, "after removing everything") }
    try await store(entries[0], in: backend, "storing after removing everything")
    try await expectFound(entries[0], in: backend, "stored after removing everything")
    try await backend.removeAll()
    try await backend.removeAll()
    try await expectAbsent(entries[0].key, in: backend, "after removing everything twice")
  }

  func checkVariants() async throws {
    let backend = try await kit.makeBackend()
    let primary = Self.key("/varies")
    let index = CacheEntry(
      key: primary, variantIndex: VariantIndex(selectingFields: ["Accept-Language", "Accept-Encoding"]),
      times: entry(primary).times)
    let variants = ["de", "en", ""].map { entry(primary.variant("nonce\u{0}accept-language\u{0}\($0)"), Bytes($0)) }
    try await store(index, in: backend, "storing the index")
    for variant in variants { try await store(variant, in: backend, "storing a variant") }
    try await expectFound(index, in: backend, "the index")
    for variant in variants { try await expectFound(variant, in: backend, "a variant") }
    try await backend.removeEntry(for: variants[0].key)
    try await expectAbsent(variants[0].key, in: backend, "the variant that was removed")
    try await expectFound(variants[1], in: backend, "a variant, after another was removed")
    try await expectFound(index, in: backend, "the index, after a variant was removed")
    // By the primary key all go. Whoever cannot list them gives up the index, and with it its nonce.
    let stamp = try await backend.lookup(primary).stamp
    try await backend.removeEntry(for: primary)
    try await expectAbsent(primary, in: backend, "the index, after it was removed")
    let late = entry(variants[1].key, "late")
    if try await put(late, stamp, in: backend) == .stored {
      try await expectAbsent(late.key, in: backend, "a variant made before its primary key was invalidated")
    }
  }

  func checkExpiry() async throws {
    let backend = try await kit.makeBackend()
    let short = entry(Self.key("/short"), fresh: .milliseconds(300), kept: .milliseconds(600))
    let two = entry(Self.key("/two"), fresh: .seconds(1), kept: .seconds(2))
    let stale = entry(Self.key("/stale"), fresh: .milliseconds(500), kept: .seconds(3600))
    let long = entry(Self.key("/long"), fresh: .seconds(40 * 86_400), kept: .seconds(400 * 86_400))
    let endless = CacheEntry(
      key: Self.key("/endless"), status: 200, fields: [:], body: "endless",
      times: EntryTimes(
        birth: now, receivedAt: now, freshUntil: .distantFuture, staleWhileRevalidateUntil: .distantFuture,
        staleIfErrorUntil: .distantFuture, reclaimAt: .distantFuture))
    let past = CacheEntry(
      key: Self.key("/past"), status: 200, fields: [:], body: "past",
      times: EntryTimes(
        birth: now.advanced(by: .seconds(-20)), receivedAt: now.advanced(by: .seconds(-20)),
        freshUntil: now.advanced(by: .seconds(-10)), staleWhileRevalidateUntil: now.advanced(by: .seconds(-10)),
        staleIfErrorUntil: now.advanced(by: .seconds(-10)), reclaimAt: now.advanced(by: .seconds(-5))))
    for entry in [two, stale, long, endless, short] {
      try await store(entry, in: backend, "storing what lasts for \(entry.times.reclaimAt.duration(since: now))")
    }
    let stamp = try await backend.lookup(past.key).stamp
    _ = try await put(past, stamp, in: backend)
    try await expectAbsent(past.key, in: backend, "stored when its time had come already")
    for entry in [two, stale, long] { try await expectFound(entry, in: backend, "at once") }
    try await expectPresent(endless.key, in: backend, "what has no end, at once")
    try await kit.time.advance(.milliseconds(1000))
    try await expectAbsent(short.key, in: backend, "kept for 0.6 s, after 1 s")
    for entry in [stale, long] { try await expectFound(entry, in: backend, "after 1 s") }
    try await kit.time.advance(.milliseconds(2500))
    try await expectAbsent(two.key, in: backend, "kept for 2 s, after 3.5 s")
    for entry in [stale, long] { try await expectFound(entry, in: backend, "after 3.5 s") }
    try await expectPresent(endless.key, in: backend, "what has no end, after 3.5 s")
    guard kit.time.limit > .seconds(36 * 86_400) else { return }
    try await kit.time.advance(.seconds(35 * 86_400))
    try await expectAbsent(stale.key, in: backend, "kept for an hour, after 35 days")
    try await expectPresent(long.key, in: backend, "kept for 400 days, after 35 days")
  }

  private func expectPresent(_ key: CacheKey, in backend: any CacheBackend, _ occasion: String) async throws {
    if try await backend.lookup(key).entry == nil { fail(occasion, "an entry", "nothing") }
  }

  func checkSizes() async throws {
    let backend = try await kit.makeBackend()
    let sizes = [
      0, 1, 2, 100, 1023, 1024, 65_535, 65_536, 65_537, 1_000_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20,
    ]
    for size in sizes {
      let key = Self.key("/\(size)")
      let small = entry(key, "small")
      try await store(small, in: backend, "storing 5 bytes")
      let entry = entry(key, Self.octets(size, seed: UInt64(size)))
      let stamp = try await backend.lookup(key).stamp
      switch try await put(entry, stamp, in: backend) {
      case .stored:
        try await expectFound(entry, in: backend, "a body of \(size) bytes")
        try await backend.removeEntry(for: key)
        try await expectAbsent(key, in: backend, "a body of \(size) bytes, after it was removed")
      case .refused where size > kit.maximumBodySize:
        // The old one, or nothing.
        if let found = try await backend.lookup(key).entry {
          expectSame(found, small, "after \(size) bytes were refused")
        }
      case let result:
        fail("storing \(size) bytes", "stored", "\(result)")
      }
    }
  }

  func checkKeys() async throws {
    let backend = try await kit.makeBackend()
    let long = String(repeating: "x", count: 250)
    var keys = [
      "/", "/a", "/A", "/a/", "/a?", "/a?b", "/a?b=c&d=e", "/a b", "/a\tb", "/a\r\nb", "/a\u{0}b", "/\u{0}", "/ä",
      "/a\u{308}",
      "/%C3%A4", "/日本語", "/🦆", "/{a}", "/{b}", "/*", "/\\", "/\"", "/a:b", "/\u{7F}\u{80}", "/\(long)", "/\(long)y",
      "/\(long)z",
    ].map(Self.key)
    let veryLong = String(repeating: "0123456789", count: 2000)
    keys += [Self.key("/\(veryLong)"), Self.key("/\(veryLong)!"), CacheKey(custom: veryLong)]
    keys += [
      CacheKey(custom: "/a"), CacheKey(custom: "https://conformance.test/a"), CacheKey(custom: " "),
      CacheKey(custom: "\n"),
      CacheKey(scheme: "http", authority: "conformance.test", target: "/a"),
      CacheKey(scheme: "ftp", authority: "conformance.test", target: "/a"),
      CacheKey(scheme: "https", authority: "conformance.tes", target: "/a"),
      CacheKey(scheme: "https", authority: "conformance.test:8443", target: "/a"),
      Self.key("/a").variant("x"), Self.key("/a").variant(""), Self.key("/a").variant("X"),
      Self.key("/a").variant("\u{0}\u{1}\u{2}"),
    ]
    for (number, key) in keys.enumerated() {
      try await store(entry(key, Bytes("\(number)")), in: backend, "storing under \(Self.brief(key))")
    }
    for (number, key) in keys.enumerated() {
      guard let found = try await backend.lookup(key).entry else {
        fail("looking for \(Self.brief(key))", "an entry", "nothing")
        continue
      }
      expect(found.body, Bytes("\(number)"), "looking for \(Self.brief(key))")
      expect(found.key, key, "the key of what was found for \(Self.brief(key))")
    }
    // Variants go with their primary key; so from the end.
    for key in keys.reversed() {
      try await backend.removeEntry(for: key)
      try await expectAbsent(key, in: backend, "after removing it")
    }
  }

  func checkFields() async throws {
    let backend = try await kit.makeBackend()
    var strange = HeaderFields()
    strange.append("content-TYPE", "text/plain")
    strange.append("X-Empty", "")
    strange.append("Link", "</a>; rel=next")
    strange.append("X-Between", "1")
    strange.append("Link", "</b>; rel=prev")
    strange.append("link", "</a>; rel=next")
    for value: [UInt8] in [[0x80, 0xFF, 0xE4, 0x20, 0x09, 0x7E], [0xC3, 0xA4], [0x61, 0x2C, 0x22, 0x3B, 0x5C]] {
      Array("X-Octets".utf8).withUnsafeBytes { name in
        value.withUnsafeBytes { _ = strange.append(name: name, value: $0) }
      }
    }
    var many = HeaderFields()
    for number in 0..<300 { many.append("X-Number", "\(number) \(String(repeating: "v", count: number))") }
    let cases: [(String, HeaderFields, HeaderFields?)] = [
      ("no fields", [:], nil), ("strange fields", strange, nil), ("300 fields", many, nil),
      ("no fields and no trailers", [:], [:]), ("trailers", ["Trailer": "X-Sum"], ["X-Sum": "42"]),
      ("strange trailers", [:], strange),
      ("a value of 16 KiB", ["X-Long": String(repeating: "l", count: 16_384)], nil),
    ]
    for (number, (name, fields, trailers)) in cases.enumerated() {
      let entry = entry(Self.key("/\(number)"), fields: fields, trailers: trailers)
      try await store(entry, in: backend, "storing \(name)")
      guard let found = try await backend.lookup(entry.key).entry else {
        fail(name, "an entry", "nothing")
        continue
      }
      expect(Self.octets(of: found.fields), Self.octets(of: fields), "\(name): the octets of the fields")
      // That there are none may be said in two ways.
      expect(
        found.trailers.map(Self.octets) ?? [], entry.trailers.map(Self.octets) ?? [],
        "\(name): the octets of the trailers")
    }
  }

  private static func octets(of fields: HeaderFields) -> [UInt8] { fields.withSerializedBytes { Array($0) } }

  func checkTags() async throws {
    let backend = try await kit.makeBackend()
    let many = (0..<100).map { "tag \($0)" }
    for (number, tags) in [
      ["a"], ["a", "b"], many, ["with space", "with,comma", "ä🦆", "\u{0}", "line\nbreak"],
      [String(repeating: "t", count: 2000)],
      [CacheTags.group("g", scheme: "https", authority: "conformance.test")],
    ].enumerated() {
      let entry = entry(Self.key("/\(number)"), tags: tags)
      try await store(entry, in: backend, "storing with \(tags.count) tags")
      try await expectFound(entry, in: backend, "with \(tags.count) tags")
      // Each of them counts.
      guard let last = tags.last else { continue }
      guard try await invalidate(.anyTag, CacheInvalidation(.anyTag([last])), in: backend) else { return }
      try await expectAbsent(entry.key, in: backend, "after \(last.debugDescription.prefix(40)) was invalidated")
      try await store(entry, in: backend, "storing it again")
      try await expectFound(entry, in: backend, "stored again after its tag was invalidated")
    }
  }
}
