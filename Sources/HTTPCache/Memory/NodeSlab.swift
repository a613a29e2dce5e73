//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The nodes of one shard in one run of memory that grows by a quarter, numbered from zero. Freed nodes are used again.
struct NodeSlab: ~Copyable {
  /// Where the nodes are. Changes when a node is allocated.
  private(set) var nodes: UnsafeMutablePointer<EntryNode>
  private(set) var capacity: Int32 = 0
  /// How many nodes have ever been used; those beyond are uninitialised memory.
  private(set) var used: Int32 = 0
  private var firstFree = EntryNode.none

  init() {
    nodes = UnsafeMutablePointer(bitPattern: MemoryLayout<EntryNode>.alignment)!  // never read: the capacity is zero
  }

  /// Nodes take no part in reference counting of their own: what they hold must have been released.
  deinit {
    if capacity > 0 { nodes.deallocate() }
  }

  /// The bytes allocated.
  var byteCount: Int { Int(capacity) * MemoryLayout<EntryNode>.stride }

  @inline(__always)
  subscript(_ index: Int32) -> EntryNode {
    unsafeAddress { UnsafePointer(nodes + Int(index)) }
    unsafeMutableAddress { nodes + Int(index) }
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
  mutating func free(_ index: Int32) {
    self[index] = EntryNode()
    self[index].next = firstFree
    firstFree = index
  }

  private mutating func grow() {
    let newCapacity = capacity == 0 ? 8 : capacity + max(capacity / 4, 8)
    let newNodes = UnsafeMutablePointer<EntryNode>.allocate(capacity: Int(newCapacity))
    newNodes.moveInitialize(from: nodes, count: Int(used))
    if capacity > 0 { nodes.deallocate() }
    nodes = newNodes
    capacity = newCapacity
  }
}
