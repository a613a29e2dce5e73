//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  @Suite(.timeLimit(.minutes(5))) struct MemoryFilesTests {
    private let loop = EventLoopGroup.shared.loops[0]
    private static let size = MemoryFiles.minimumBodySize

    /// Asks on the loop's thread, as connections do.
    private func file(_ files: MemoryFiles, _ body: Bytes) async -> MemoryFile? {
      await withCheckedContinuation { continuation in
        loop.execute { [loop] in continuation.resume(returning: files.file(for: body, on: loop)) }
      }
    }

    private func body(_ octet: UInt8, _ count: Int = size) -> Bytes { Bytes([UInt8](repeating: octet, count: count)) }

    @Test func `a large body has a file with its octets from the second time on`() async throws {
      let files = MemoryFiles(limit: 4 * Self.size, idleTime: .seconds(3_600))
      let large = Bytes((0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
      #expect(await file(files, large) == nil)
      #expect(files.size == 0)
      let first = try #require(await file(files, large))
      #expect(await file(files, large) === first)
      #expect(files.size == 100_000)
      var octets = [UInt8](repeating: 0, count: 200_000)
      #expect(pread(first.descriptor, &octets, octets.count, 0) == 100_000)
      #expect(Bytes(octets[..<100_000]) == large)
      // Another body of the same length is another.
      let other = body(1, 100_000)
      #expect(await file(files, other) == nil)
      #expect(await file(files, other) !== first)
    }

    @Test func `small bodies, huge ones, and those beyond the limit have none`() async {
      let files = MemoryFiles(limit: 2 * Self.size)
      for count in [0, 1, Self.size - 1, 2 * Self.size + 1] {
        let body = body(1, count)
        for _ in 0..<3 { #expect(await file(files, body) == nil) }
      }
      let roomy = MemoryFiles(limit: 64 << 20)
      let huge = body(1, MemoryFiles.maximumBodySize + 1)
      for _ in 0..<3 { #expect(await file(roomy, huge) == nil) }
      let none = MemoryFiles(limit: 0)
      let large = body(1)
      for _ in 0..<3 { #expect(await file(none, large) == nil) }
    }

    @Test func `all files together stay below the limit, and none is displaced while it is used`() async throws {
      let files = MemoryFiles(limit: 3 * Self.size, idleTime: .seconds(3_600))
      let bodies = (0..<5).map { body($0) }
      for _ in 0..<3 {
        for body in bodies { _ = await file(files, body) }
      }
      var kept = 0
      for body in bodies where await file(files, body) != nil { kept += 1 }
      #expect(kept == 3)
      #expect(files.size == 3 * Self.size)
    }

    @Test func `what is no longer sent is let go`() async throws {
      let files = MemoryFiles(limit: 4 * Self.size, idleTime: .milliseconds(50))
      weak var owner: Owner?
      do {
        let memory = Owner(count: Self.size)
        owner = memory
        let body = Bytes(owner: memory, base: UnsafeRawPointer(memory.base), count: Self.size)
        _ = await file(files, body)
        #expect(await file(files, body) != nil)
      }
      #expect(await eventually { files.size == 0 && owner == nil })
    }

    /// Memory that tells when it is let go. Sendable: nobody writes to it.
    private final class Owner: @unchecked Sendable {
      let base: UnsafeMutableRawPointer
      init(count: Int) {
        base = .allocate(byteCount: count, alignment: 16)
        base.initializeMemory(as: UInt8.self, repeating: 7, count: count)
      }
      deinit { base.deallocate() }
    }
  }
#endif
