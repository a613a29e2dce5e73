//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  /// Copies, in files of memory, of the large bodies that are being sent again and again.
  ///
  /// A send from the program's memory copies every octet; a send from a file hands over its pages, which takes two thirds
  /// of the time for 128 KiB. A body gets its file when it is sent for the second time, and loses it when it has not been sent
  /// for a while. All files together stay below a limit, and a body that is being sent is not displaced: if everything is
  /// sent now and then, and not all of it has room, part of it having a file beats all of it getting one over and over.
  final class MemoryFiles: Sendable {
    /// Smaller bodies are copied faster than they are looked up and handed over page by page.
    static let minimumBodySize = 64 << 10
    /// Copying larger ones would keep the loop's other connections waiting for more than a few milliseconds.
    static let maximumBodySize = 4 << 20

    /// Which body. As long as there is a file the body is kept too, so that no other can be at its address.
    private struct Identity: Hashable {
      let address: UInt
      let count: Int

      init(_ body: Bytes) {
        address = body.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        count = body.count
      }
    }

    private struct Entry {
      let body: Bytes
      let file: MemoryFile
      var lastUse: Int64
    }

    private struct State {
      var entries: [Identity: Entry] = [:]
      var size = 0
      /// Those seen last that have no file. One may be gone, and another at its address: that one is early, no more.
      var candidates: [Identity] = []
      var nextCandidate = 0
      var isSweepScheduled = false
    }

    private let limit: Int
    private let idleTime: Int64
    private let state = Guarded(State())

    /// - Parameters:
    ///   - limit: How many octets the files may hold together.
    ///   - idleTime: For how long a body keeps its file without being sent.
    init(limit: Int, idleTime: Duration = .seconds(5)) {
      self.limit = limit
      self.idleTime = idleTime.nanoseconds
    }

    /// How many octets the files hold.
    var size: Int { state.withLock { $0.size } }

    /// The file with the octets of `body`, which is about to be sent; nil when it is to be sent from where it is.
    ///
    /// - Parameter loop: The calling thread's.
    func file(for body: Bytes, on loop: EventLoop) -> MemoryFile? {
      guard body.count >= Self.minimumBodySize, body.count <= min(limit, Self.maximumBodySize) else { return nil }
      let identity = Identity(body)
      let now = loop.now
      let (found, mayHaveOne) = state.withLock { state -> (MemoryFile?, Bool) in
        if let entry = state.entries[identity] {
          state.entries[identity]?.lastUse = now
          return (entry.file, true)
        }
        return (nil, isCandidate(identity, &state) && makeRoom(for: body.count, at: now, &state))
      }
      if let found { return found }
      // Made without the lock: the others need not wait for it. Two threads may make one each; the first is kept.
      guard mayHaveOne, let file = MemoryFile(body) else { return nil }
      let needsSweep = state.withLock { state in
        // Another thread may have been faster, with this body or with one that has taken its room.
        guard state.entries[identity] == nil, state.size + body.count <= limit else { return false }
        state.entries[identity] = Entry(body: body, file: file, lastUse: now)
        state.size += body.count
        defer { state.isSweepScheduled = true }
        return !state.isSweepScheduled
      }
      if needsSweep { scheduleSweep(on: loop) }
      return file
    }

    /// Whether the body has been sent lately; the next time it will have been.
    private func isCandidate(_ identity: Identity, _ state: inout State) -> Bool {
      if state.candidates.contains(identity) { return true }
      if state.candidates.count < 64 {
        state.candidates.append(identity)
      } else {
        state.candidates[state.nextCandidate] = identity
        state.nextCandidate = (state.nextCandidate + 1) % state.candidates.count
      }
      return false
    }

    private func makeRoom(for count: Int, at now: Int64, _ state: inout State) -> Bool {
      if state.size + count > limit { remove(unusedSince: now - idleTime / 5, &state) }
      return state.size + count <= limit
    }

    private func remove(unusedSince time: Int64, _ state: inout State) {
      for (identity, entry) in state.entries where entry.lastUse <= time {
        state.entries[identity] = nil
        state.size -= entry.body.count
      }
    }

    private func scheduleSweep(on loop: EventLoop) {
      let timer = LoopTimer { [weak self] in self?.sweep(on: loop) }
      loop.schedule(timer, at: loop.now &+ idleTime)
    }

    private func sweep(on loop: EventLoop) {
      let isOver = state.withLock { state in
        remove(unusedSince: loop.now - idleTime, &state)
        if state.entries.isEmpty { state.candidates = [] }
        state.isSweepScheduled = !state.entries.isEmpty
        return state.entries.isEmpty
      }
      if !isOver { scheduleSweep(on: loop) }
    }
  }
#endif
