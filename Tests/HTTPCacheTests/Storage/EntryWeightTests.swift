//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

#if canImport(Glibc)
  import Glibc

  /// The weight of an entry, compared with what the allocator says that its parts take.
  @Suite struct EntryWeightTests {
    // Glibc's module leaves <malloc.h> out.
    private typealias UsableSize = @convention(c) (UnsafeMutableRawPointer?) -> Int

    /// The memory that the allocator takes for a block: what may be used, and its own word.
    private static func size(at address: UnsafeMutableRawPointer) throws -> Int {
      let usableSize = unsafeBitCast(try #require(dlsym(nil, "malloc_usable_size")), to: UsableSize.self)
      return usableSize(address) + MemoryLayout<Int>.size
    }

    private static func size(of object: AnyObject) throws -> Int {
      try size(at: Unmanaged.passUnretained(object).toOpaque())
    }

    /// The memory that the text takes outside the string's own words: the second one has the address, below flags.
    private static func size(of text: String) throws -> Int {
      let words = unsafeBitCast(text, to: (UInt, UInt).self)
      guard text.utf8.count > 15 else { return 0 }
      return try size(at: try #require(UnsafeMutableRawPointer(bitPattern: words.1 & 0x00FF_FFFF_FFFF_FFFF)))
    }

    /// The smallest of some: where what would be left of a block is too little for anybody, the allocator gives it away.
    private static func smallest<Part>(_ make: () -> Part, _ size: (Part) throws -> Int) throws -> Int {
      try (0..<48).map { _ in make() }.map { try size($0) }.min() ?? 0
    }

    @Test(arguments: [0, 1, 15, 16, 17, 31, 32, 47, 48, 63, 64, 100, 150])
    func `texts`(count: Int) throws {
      let size = try Self.smallest({ String(decoding: Array(repeating: 0x61, count: count), as: UTF8.self) }) {
        try Self.size(of: $0)
      }
      // A block of 16 octets more, where the rest would be too little for anybody.
      let counted = HeapBlock.byteCount(of: String(repeating: "a", count: count))
      #expect(counted == size || counted + 16 == size)
    }

    @Test(arguments: [1, 8, 9, 24, 25, 50, 1024, 32_767, 32_768, 100_000, 8 << 20])
    func `bodies`(count: Int) throws {
      let bodies = (0..<48).map { _ in Bytes(unsafeUninitializedCapacity: count) { $0.count } }
      for body in bodies {
        let owner = try #require(body.owner)
        let memory = try #require(body.memoryByteCount)
        if count < MappedMemory.threshold {
          #expect(memory == (try Self.size(of: owner)))
        } else {
          #expect(memory >= count && memory <= count + count / 16 + 4096)
        }
        #expect(body.compact.owner === owner)
      }
      if count < MappedMemory.threshold {
        #expect(bodies.compactMap(\.memoryByteCount).min() == BytesStorage.byteCount(of: count))
      }
    }

    @Test(arguments: [1, 5, 8, 9, 60]) func `heads, which entries keep without room for more`(count: Int) throws {
      func fields() -> HeaderFields {
        var fields = HeaderFields()
        for number in 0..<count { fields.append(HeaderName(stringLiteral: "Field-\(number)"), "value") }
        return fields
      }
      let size = try Self.smallest(fields) { try Self.size(of: $0.storage) }
      #expect([0, 16].contains(size - fields().storage.allocationByteCount))
      let compactSize = try Self.smallest({ fields().compact }) { try Self.size(of: $0.storage) }
      #expect([0, 16].contains(compactSize - fields().compact.storage.allocationByteCount))
      #expect(fields().compact == fields())
      let octets = fields().serializedByteCount + 12 * count
      #expect(compactSize <= HeapBlock.sizeClass(octets + 100), "\(compactSize) for \(octets)")
      let entry = Self.entry(fields: fields())
      #expect(entry.fields == fields() && entry.fields.storage.allocationByteCount <= compactSize + 32)
    }

    @Test(arguments: [1, 2, 5, 40]) func `tags`(count: Int) throws {
      for _ in 0..<48 {
        let tags = try #require(CacheTags((0..<count).map { "a-tag-of-some-length-\($0)" }))
        let buffer = try tags.names.withUnsafeBufferPointer {
          // The elements stand behind the buffer's header.
          try Self.size(at: UnsafeMutableRawPointer(mutating: try #require($0.baseAddress)) - 32)
        }
        let size = try tags.names.reduce(try Self.size(of: tags) + buffer) { $0 + (try Self.size(of: $1)) }
        // Texts that are put together have some room to spare.
        #expect(tags.byteCount <= size + 32 && size <= tags.byteCount + 32 * (count + 1))
      }
    }

    private static let moment = CacheInstant(nanoseconds: 5)

    private static func entry(
      _ key: CacheKey = CacheKey(scheme: "https", authority: "a.test", target: "/"),
      fields: HeaderFields = HeaderFields(),
      body: Bytes = Bytes(), trailers: HeaderFields? = nil, tags: CacheTags? = nil
    ) -> CacheEntry {
      CacheEntry(
        key: key, status: 200, fields: fields, body: body, trailers: trailers,
        times: EntryTimes(
          birth: moment, receivedAt: moment, freshUntil: moment, staleWhileRevalidateUntil: moment,
          staleIfErrorUntil: moment, reclaimAt: moment), tags: tags)
    }

    @Test func `an entry is the sum of its parts`() throws {
      let bare = CacheEntry.allocationSize + EntryNode.byteCount
      #expect(Self.entry().weight == bare)
      let target = "/a/path/of/more/than/fifteen/octets"
      let key = CacheKey(scheme: "https", authority: "a.host.of.more.than.fifteen.test", target: target)
      let keyByteCount = HeapBlock.byteCount(of: key.authority) + HeapBlock.byteCount(of: target)
      #expect(Self.entry(key).weight == bare + keyByteCount)
      let body = Bytes(repeatElement(1, count: 1000))
      #expect(Self.entry(body: body).weight == bare + (try #require(body.memoryByteCount)))
      let tags = try #require(CacheTags(["one", "two"]))
      let trailers: HeaderFields = ["Server-Timing": "db"]
      #expect(
        Self.entry(trailers: trailers, tags: tags).weight
          == bare + OptionalEntryParts.allocationSize + tags.byteCount + trailers.compact.storage.allocationByteCount)
      let variant = Self.entry(
        CacheKey(scheme: "https", authority: "a.test", target: "/").variant("some selecting values"))
      #expect(
        variant.weight
          == bare + OptionalEntryParts.allocationSize + HeapBlock.byteCount(ofObjectWith: (String, String).self)
          + HeapBlock.byteCount(of: "some selecting values"))
      let index = VariantIndex(VarySelection([.acceptEncoding]))
      let times = variant.times
      #expect(
        CacheEntry(key: Self.entry().key, variantIndex: index, times: times).weight
          == bare + OptionalEntryParts.allocationSize + index.byteCount)
      #expect(index.byteCount > 64)
    }
  }
#endif
