//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Cuts input into lines that end in CR LF, wherever the network has cut it.
///
/// RFC 9112 §2.2 allows to take a lone LF for the end of a line. This does not: what one implementation takes for one
/// line, and another for two, is how requests are smuggled.
struct LineAssembler {
  enum Line {
    /// In the input itself; valid until the input is gone.
    case borrowed(UnsafeRawBufferPointer)
    /// Put together from several pieces of input.
    case assembled(Bytes)

    func withBytes<Result, Failure: Error>(
      _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
      switch self {
      case .borrowed(let bytes): return try body(bytes)
      case .assembled(let bytes): return try bytes.withUnsafeBytes(body)
      }
    }
  }

  enum Failure: Error { case tooLong, bareLineFeed }

  private let allowsBareLineFeed: Bool
  /// Whether a line has ended in LF without CR, which was allowed.
  private(set) var hasSeenBareLineFeed = false
  private var partial: [UInt8] = []

  /// - Parameter allowsBareLineFeed: Whether a line may end in LF without CR (RFC 9112 §2.2).
  init(allowsBareLineFeed: Bool = false) { self.allowsBareLineFeed = allowsBareLineFeed }

  /// Whether the beginning of a line is being held.
  var isHoldingInput: Bool { !partial.isEmpty }

  /// How many octets of a line that goes on are held.
  var heldCount: Int { partial.count }

  /// The next line, without its end; nil when its end has not arrived, and all input has been taken.
  ///
  /// - Parameter limit: The most octets in the line, its end not counted.
  mutating func next(_ input: inout UnsafeRawBufferPointer, limit: Int) throws(Failure) -> Line? {
    guard let base = input.baseAddress, input.count > 0 else { return nil }
    guard let end = memchr(base, CInt(Octet.lineFeed), input.count) else {
      guard partial.count + input.count <= limit + 1 else { throw .tooLong }
      partial.append(contentsOf: input)
      input = UnsafeRawBufferPointer(rebasing: input[input.count...])
      return nil
    }
    let count = UnsafeRawPointer(end) - base
    let last = count > 0 ? input[count - 1] : partial.last
    let hasReturn = last == Octet.carriageReturn
    guard partial.count + count - (hasReturn ? 1 : 0) <= limit else { throw .tooLong }
    if !hasReturn {
      guard allowsBareLineFeed else { throw .bareLineFeed }
      hasSeenBareLineFeed = true
    }
    defer { input = UnsafeRawBufferPointer(rebasing: input[(count + 1)...]) }
    if partial.isEmpty { return .borrowed(UnsafeRawBufferPointer(rebasing: input[..<(count - (hasReturn ? 1 : 0))])) }
    partial.append(contentsOf: input[..<count])
    if hasReturn { partial.removeLast() }
    defer { partial.removeAll(keepingCapacity: partial.capacity <= 1024) }
    return .assembled(Bytes(partial))
  }
}
