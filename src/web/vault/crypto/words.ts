/**
 * Common English nouns of three to eight characters for passphrases, written for this project. Common words that sound like
 * another one are left out, so that a passphrase can be read to somebody.
 */
const list = `
acid acorn actor adult agent alarm album alley almond alpha amber anchor angle animal ankle apple apron
arena armor arrow artist aspen atlas atom attic aunt author autumn avenue award axle baby bacon badge
badger bagel baker balcony ball ballet bamboo banana band banjo bank banner barber barley barn basil
basin basket bath baton battery beacon bead beak beam beard beaver bed bee beetle belt bench bicycle
bike birch bird biscuit bishop bison blanket blossom blouse blue boat bolt bone bonus book boot border
bottle boulder bowl box bracelet braid brain branch brass bread breeze brick bridge brook broom brother
brown brush bubble bucket buckle budget buffalo bugle builder bulb bundle bunker burger bus bush butcher
butter button cabbage cabin cable cactus cake calf camel camera camp canal canary candle candy cane
canoe canvas canyon cape captain car caravan carbon card cargo carpet carrot cart castle cat cattle cave
cedar ceiling celery cello cement chain chair chalk chapel chapter charm chart cheek cheese cherry chess
chest chicken chief child chimney chin chips cider cinema cinnamon circle circus citizen city clam clay
cliff clinic clock cloth cloud clove clover clown club coach coal coast coat cobra cobweb coconut cod
coffee coin collar colony comb comet comic compass copper coral cork corn corner cottage cotton couch
cougar council cousin cow coyote crab cradle crane crater crayon cream creek cricket crocus crow crown
crumb crust crystal cube cuckoo cup curry curtain curve cushion cycle cypress daisy dam dance dancer
date dawn day deck delta dentist desert desk diamond diary diesel dinner dish ditch diver dock doctor
dog doll dollar dolphin donkey door dove dragon drain drawer dream dress drill drum duck dune dust eagle
ear earth easel east echo eclipse editor eel egg elbow elephant elk elm ember emerald engine envelope
equator eraser estate evening fabric face factory falcon family fan farm farmer father feather fence
fender fern ferry fever fiber fiddle field fig film finch finger fire fish flag flame flamingo flask
fleet flint flock flood floor flute foam fog folder food foot forest fork fossil fountain fox frame
freight friend frog frost fruit fudge furnace galaxy gale gallery game garage garden garlic garnet gate
gazelle gear gem geyser ghost giant gift ginger giraffe girl glacier glass globe glove glue goat goblet
gold golf gong goose gorilla granite grape graph grass gravel gravy green grill grip guest guide guitar
gum guppy gutter hall hammer hammock hand handle harbor harp harvest hat hawk hay hazel head heart
heater hedge helmet hen herb hermit heron hiker hill hinge hippo hive hockey holiday holly home honey
hood hoof hook horizon horn hornet horse hose hotel hound house hub hummus hut ice icicle igloo inch ink
insect iris iron island ivory ivy jacket jade jaguar jam jar jasmine jaw jay jazz jeans jelly jet jewel
jockey jogger judge juice july jumper june jungle juniper jury kangaroo kayak kennel kernel kettle key
kidney kimono king kiosk kitchen kite kitten kiwi knee knob knot koala label lace ladder ladle lady
lagoon lake lamb lamp lance land lantern lapel larch lark laser latch lava lavender lawn lawyer leaf
leather ledge leek leg lemon lens lentil leopard lettuce lever library lid light lilac lily lime linen
lion lip liquid lizard llama lobster lock locket locust lodge log loop lotus lumber lunch lung lyric
machine magnet magpie mailbox mallet mammoth manager mango manor mantle map maple marble march margin
marina market maroon marsh mask mason mast mat meadow meal melody melon member menu mercury mermaid
metal meteor microbe mile milk mill miner mint minute mirror mist mitten mixer model mole monk monkey
monsoon month moon morning mortar mosaic moss moth mother motor mountain mouse mouth movie mud muffin
mug mule museum mushroom music mustard nail name napkin neck necklace nectar needle nephew nest net
nettle nickel niece noodle noon north nose notebook novel number nurse nut nutmeg nylon oak oasis oat
ocean octopus office oil olive omelet onion onyx opal opera orange orbit orchard orchid organ osprey
ostrich otter oval oven owl owner oxygen oyster packet paddle page paint palace palm pan panda panel
panther papaya paper parade parcel park parrot parsley party pasta pasture patch path patio peach
peacock peanut pearl pebble pelican pen pencil penguin pepper perch perfume pheasant phone photo piano
pickle picnic picture pie pier pig pigeon pillow pilot pine pink pipe pirate piston pizza planet plank
plant plaster plum plumber pocket poem poet pole pollen pond pony poplar poppy porch portal portrait
postcard potato potter powder prairie printer prism prize pudding puddle puffin pulley pump pumpkin
puppet puppy purple purse puzzle pyramid python quail quartz queen quill quilt quiver rabbit raccoon
radar radio radish raft rail rainbow raisin rake ranch ranger raven razor recipe reed reef reptile
resort rhino rhythm ribbon rice rider ridge ring river road robin robot rock rocket roof room rope rose
rover rubber ruby rudder ruler rust saddle safari saffron sage sailor salad salmon salon salt sand
sandal sapphire satchel satin sauce sauna sausage scale scallop scarf scholar school science scissors
scooter scout screen screw script seal season seat secret seed senator sesame shadow shampoo shark shed
sheep shelf shell shelter sheriff shield ship shirt shoe shore shovel shower shrimp shrub shutter
sidewalk signal silk silver singer sink siren sister skate sketch ski skirt sky slate sled sleeve
slipper slope snail snake sneaker snow soap soccer sock sofa soil sonata song soup south spade spaniel
spark sparrow spatula speaker spear spider spinach spiral sponge spoon spring spruce squash squid stable
stadium staff stage stamp star starfish station statue steam stem step stereo stew stick stone stool
stork storm stove straw stream street string studio subway sugar suit suitcase summer summit sunset
surfer swallow swamp swan sweater swing switch sword syrup system table tablet tailor tango tank tape
target tavern taxi tea teacher teapot teeth temple tennis tent termite terrace theater thimble thistle
thread throne thumb thunder ticket tiger tile timber tin tinsel titan toast toaster toffee tomato tongue
tooth topaz torch tornado tortoise toucan towel tower town toy tractor trader train tram tray treasure
tree trellis triangle tripod trophy trout truck truffle trumpet trunk tuba tulip tuna tundra tunnel
turban turbine turkey turnip turtle tutor twig twine tycoon umbrella uncle unicorn uniform union urchin
utensil vacuum valley valve van vanilla vapor vase vault velvet vendor venus veranda vest video village
vine vinegar vineyard violet violin viper visitor vitamin voice volcano volume voyage vulture waffle
wagon waiter walker wall wallet walnut walrus waltz wasp watch water wave wax weasel weather weaver
wedding wedge west wetland whale wheat wheel whisker whistle wick widget willow wind window wine wing
winter wire wizard wolf wombat wood wool word worker world wreath wren wrench wrist writer yacht yak
yard yarn year yeast yellow yogurt zebra zenith zephyr zero zigzag zinc zipper zone zoo zucchini
`
let words: readonly string[] | null = null

/** Returns the words in alphabetical order. */
export function passphraseWords(): readonly string[] {
  words ??= list.trim().split(/\s+/)
  return words
}
