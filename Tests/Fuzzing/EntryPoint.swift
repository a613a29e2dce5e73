//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The target that `FUZZ_TARGET` names. One program serves for all, so that the library is instrumented once.
private let run: @Sendable (Span<UInt8>) -> Void = {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  if let target = FuzzTarget(rawValue: name) { return { target.run($0) } }
  if name == RedisFuzzTarget.name { return { RedisFuzzTarget.run($0) } }
  if name == BookkeepingFuzzTarget.name { return { BookkeepingFuzzTarget.run($0) } }
  if let target = MessageFuzzTarget(rawValue: name) { return { target.run($0) } }
  let cases = FuzzTarget.allCases.map(\.rawValue) + MessageFuzzTarget.allCases.map(\.rawValue)
  let names = (cases + [BookkeepingFuzzTarget.name, RedisFuzzTarget.name]).joined(separator: ", ")
  preconditionFailure("FUZZ_TARGET is \"\(name)\"; there are \(names)")
}()

/// Called by libFuzzer with every input it makes up.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  run(Span(_unsafeElements: UnsafeBufferPointer(start: start, count: count)))
  return 0
}
