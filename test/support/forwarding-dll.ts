/** Where the headers end and the only section begins, in the file. */
const headerBytes = 0x200
/** Where that section is loaded, relative to the start of the DLL. */
const sectionAddress = 0x1000

/**
 * Returns a DLL for 64-bit Windows without code, whose only function `name` is the function `target` of another DLL, such as
 * `advapi32.SystemFunction036`. It consists of headers and an export table with a forwarder
 * (https://learn.microsoft.com/windows/win32/debug/pe-format).
 */
export function forwardingDll(file: string, name: string, target: string): Uint8Array {
  const section = createExportTable(file, name, target)
  const image = new Uint8Array(2 * headerBytes)
  const view = new DataView(image.buffer)
  const write = (offset: number, text: string) => image.set(Buffer.from(text, 'latin1'), offset)
  const write16 = (offset: number, value: number) => view.setUint16(offset, value, true)
  const write32 = (offset: number, value: number) => view.setUint32(offset, value, true)
  write(0, 'MZ')
  write32(0x3c, 0x40)
  write(0x40, 'PE\0\0')
  write16(0x44, 0x8664) // Machine: x64
  write16(0x46, 1) // NumberOfSections
  write16(0x54, 240) // SizeOfOptionalHeader
  write16(0x56, 0x2022) // Characteristics: executable, large addresses, DLL
  write16(0x58, 0x20b) // Magic: PE32+
  write32(0x60, headerBytes) // SizeOfInitializedData
  write32(0x70, 0x8000_0000) // ImageBase, lower half
  write32(0x74, 1) // ImageBase, upper half
  write32(0x78, 0x1000) // SectionAlignment
  write32(0x7c, headerBytes) // FileAlignment
  write16(0x80, 6) // MajorOperatingSystemVersion
  write16(0x88, 6) // MajorSubsystemVersion
  write32(0x90, 2 * sectionAddress) // SizeOfImage
  write32(0x94, headerBytes) // SizeOfHeaders
  write16(0x9c, 3) // Subsystem: console
  write32(0xc4, 16) // NumberOfRvaAndSizes
  write32(0xc8, sectionAddress) // Export table: address
  write32(0xcc, section.length) // Export table: size
  write(0x148, '.rdata')
  write32(0x150, section.length) // VirtualSize
  write32(0x154, sectionAddress) // VirtualAddress
  write32(0x158, headerBytes) // SizeOfRawData
  write32(0x15c, headerBytes) // PointerToRawData
  write32(0x16c, 0x4000_0040) // Characteristics: initialised data, readable
  image.set(section, headerBytes)
  return image
}

/** Returns the export table, followed by the lists and texts that it refers to. */
function createExportTable(file: string, name: string, target: string): Uint8Array {
  const tableBytes = 40
  const functionsAt = sectionAddress + tableBytes
  const namesAt = functionsAt + 4
  const ordinalsAt = namesAt + 4
  const fileAt = ordinalsAt + 2
  const nameAt = fileAt + file.length + 1
  // An address within this section is not that of code, but that of the target's name.
  const targetAt = nameAt + name.length + 1
  const texts = Buffer.from(`${file}\0${name}\0${target}\0`, 'latin1')
  const section = new Uint8Array(fileAt - sectionAddress + texts.length)
  const view = new DataView(section.buffer)
  const table = [0, 0, 0, fileAt, 1, 1, 1, functionsAt, namesAt, ordinalsAt]
  for (const [index, word] of [...table, targetAt, nameAt].entries()) {
    view.setUint32(4 * index, word, true)
  }
  section.set(texts, fileAt - sectionAddress)
  return section
}
