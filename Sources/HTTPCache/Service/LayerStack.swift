//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Two layers as one, the first seeing a request before the second.
public struct LayerStack<First: Layer, Second: Layer>: Layer
where First.Request == Second.Request, First.Response == Second.Response {
  @usableFromInline let first: First
  @usableFromInline let second: Second

  /// `first`, then `second`.
  @inlinable
  public init(_ first: First, _ second: Second) {
    self.first = first
    self.second = second
  }

  /// Answers one request, with or without the help of `next`.
  @inlinable
  public func call(
    _ request: First.Request, next: some Service<First.Request, First.Response>
  ) async throws -> First.Response {
    try await first.call(request, next: Layered(second, around: next))
  }
}
