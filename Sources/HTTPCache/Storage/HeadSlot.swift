//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Holds the head that was last sent for an entry, for the hits of the same second.
///
/// One pointer, taken out and put back with an atomic exchange: whoever finds the slot empty because another thread has it
/// in hand makes a head of its own, which costs it a copy and nobody a wait.
struct HeadSlot: ~Copyable, Sendable {
  /// A head and what it is valid for.
  final class Head: Sendable {
    /// The second (`EntryTimes.age`) that the fields speak of.
    let age: Int64
    /// The cache whose name is in them.
    let owner: ObjectIdentifier
    let fields: HeaderFields

    init(age: Int64, owner: ObjectIdentifier, fields: HeaderFields) {
      self.age = age
      self.owner = owner
      self.fields = fields
    }
  }

  /// The bits of a retained `Head`, or zero.
  private let bits = Atomic<UInt>(0)

  /// The fields for `age` as `owner` sends them: those in the slot if they are, else what `make` makes, which is kept.
  @inline(__always)
  func fields(age: Int64, owner: ObjectIdentifier, make: () -> HeaderFields) -> HeaderFields {
    if let taken = take() {
      let head = taken.takeUnretainedValue()
      if head.age == age && head.owner == owner {
        let fields = head.fields
        put(taken)
        return fields
      }
      taken.release()
    }
    let fields = make()
    put(Unmanaged.passRetained(Head(age: age, owner: owner, fields: fields)))
    return fields
  }

  private func take() -> Unmanaged<Head>? {
    let taken = bits.exchange(0, ordering: .acquiring)
    return taken == 0 ? nil : Unmanaged.fromOpaque(UnsafeRawPointer(bitPattern: taken)!)
  }

  private func put(_ head: Unmanaged<Head>) {
    let replaced = bits.exchange(UInt(bitPattern: head.toOpaque()), ordering: .acquiringAndReleasing)
    if replaced != 0 { Unmanaged<Head>.fromOpaque(UnsafeRawPointer(bitPattern: replaced)!).release() }
  }

  deinit {
    take()?.release()
  }
}
