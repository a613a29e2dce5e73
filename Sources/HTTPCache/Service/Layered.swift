//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A service with a layer in front of it. Made by ``Service/layer(_:)``.
public struct Layered<Outer: Layer, Inner: Service>: Service
where Outer.Request == Inner.Request, Outer.Response == Inner.Response {
  @usableFromInline let outer: Outer
  @usableFromInline let inner: Inner

  /// `inner` behind `outer`.
  @inlinable
  public init(_ outer: Outer, around inner: Inner) {
    self.outer = outer
    self.inner = inner
  }

  /// Answers one request.
  @inlinable
  @inline(__always)
  public func call(_ request: Inner.Request) async throws -> Inner.Response {
    try await outer.call(request, next: inner)
  }

  /// This service with `layer` behind the layers it already has.
  ///
  /// **Order matters.** Layers that are added first see a request first: `handler.layer(logging).layer(cache)` logs every
  /// request, `handler.layer(cache).layer(logging)` only those that the cache passed on.
  @inlinable
  public func layer<New: Layer>(_ layer: New) -> Layered<LayerStack<Outer, New>, Inner>
  where New.Request == Inner.Request, New.Response == Inner.Response {
    Layered<LayerStack<Outer, New>, Inner>(LayerStack(outer, layer), around: inner)
  }
}

extension Service {
  /// This service behind `layer`.
  ///
  /// **Order matters.** Layers that are added first see a request first: `handler.layer(logging).layer(cache)` logs every
  /// request, `handler.layer(cache).layer(logging)` only those that the cache passed on.
  @inlinable
  public func layer<Outer: Layer>(_ layer: Outer) -> Layered<Outer, Self>
  where Outer.Request == Request, Outer.Response == Response {
    Layered(layer, around: self)
  }
}
