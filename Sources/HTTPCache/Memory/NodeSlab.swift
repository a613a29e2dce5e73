//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The nodes of one shard in one run of memory that grows by an eighth, numbered from zero. Freed nodes are used again.
struct NodeSlab: ~Copyable {
  /// Where the nodes are. Changes when a node is allocated.
  private(set) var nodes: UnsafeMutablePointer<EntryNode>
  private(set) var capacity: Int32 = 0
  /// How many nodes have ever been used; those beyond are uninitialised memory.
  private(set) var used: Int32 = 0
  private var firstFree = EntryNode.none
  /// For each node the low half of its key's digest, for policies that ask for it; nil for the others.
  private var hashes: UnsafeMutablePointer<UInt64>?
  private let keepsHashes: Bool

  /// - Parameter keepsHashes: Whether the policy asks for hashes.
  init(keepsHashes: Bool) {
    nodes = UnsafeMutablePointer(bitPattern: MemoryLayout<EntryNode>.alignment)!  // never read: the capacity is zero
    self.keepsHashes = keepsHashes
  }

  /// Nodes take no part in reference counting of their own: what they hold must have been released.
  deinit {
    if capacity > 0 { free(nodes) }
    free(hashes)
  }

  /// The bytes allocated.
  @inline(__always)
  var byteCount: Int {
    Int(capacity) &* (MemoryLayout<EntryNode>.stride &+ (keepsHashes ? MemoryLayout<UInt64>.stride : 0))
  }

  @inline(__always)
  subscript(_ index: Int32) -> EntryNode {
    unsafeAddress { UnsafePointer(nodes + Int(index)) }
    unsafeMutableAddress { nodes + Int(index) }
  }

  /// The low half of the digest of a node's key.
  func hash(of index: Int32) -> UInt64 {
    guard let hashes else { preconditionFailure("the policy has not asked for hashes") }
    return hashes[Int(index)]
  }

  /// Keeps the hash of a node's key, if the policy asks for it.
  func setHash(_ hash: UInt64, of index: Int32) {
    if let hashes { hashes[Int(index)] = hash }
  }

  /// Releases what the nodes hold. Nothing may be done with them afterwards.
  func releaseAll() {
    for index in 0..<used {
      self[index].entry?.release()
      self[index].head?.release()
    }
  }

  /// A node to fill, linked to nothing.
  ///
  /// - Complexity: O(1) amortised.
  mutating func allocate() -> Int32 {
    if firstFree != EntryNode.none {
      let index = firstFree
      firstFree = self[index].next
      return index
    }
    if used == capacity { grow() }
    used += 1
    (nodes + Int(used - 1)).initialize(to: EntryNode())
    return used - 1
  }

  /// Takes back a node whose entry has been taken out.
  mutating func takeBack(_ index: Int32) {
    self[index] = EntryNode()
    self[index].next = firstFree
    firstFree = index
  }

  private mutating func grow() {
    let newCapacity = capacity + max(capacity / 8, 8)
    nodes = Self.resized(capacity > 0 ? nodes : nil, to: newCapacity)
    if keepsHashes { hashes = Self.resized(hashes, to: newCapacity) }
    capacity = newCapacity
  }

  /// By `realloc`, which grows large blocks where they are or moves their pages instead of their contents.
  private static func resized<Element: BitwiseCopyable>(
    _ memory: UnsafeMutablePointer<Element>?, to count: Int32
  ) -> UnsafeMutablePointer<Element> {
    guard let resized = realloc(memory, Int(count) * MemoryLayout<Element>.stride) else {
      // As `allocate` does: there is no going on without memory.
      fatalError("no memory for \(count) entries")
    }
    return resized.assumingMemoryBound(to: Element.self)
  }
}
